# What the server says, in English. Every message of fr.ftl, and no other.

training-banner = TRAINING: a practice server. Nothing here enters the registry.

pair = { $name }: { $value }
error = Error: { $message }
error-detail = Detail: { $detail }
error-hint = To do: { $hint }

# --- init
init-done = Server made in { $path }.
init-deployment = Deployment: { $deployment }
init-fingerprint = Fingerprint of the registry's key, to be read aloud to whoever enrols a computer: { $fingerprint }
init-recovery =
    ATTENTION: { $path } holds the recovery identity. It opens the data of computers whose passphrase is lost.
    Copy this file to two media, put them into a safe, then DELETE IT here.
recovery-file-word =
    Recovery identity of deployment { $deployment }.
    Keep it in a safe, away from the server. Whoever holds it can open the computers' data.
prefix-unfit = The prefix of registration numbers is two capital letters.

# --- the server's folder
home-not-founded = This folder holds no server.
home-founded = This folder holds a server already.
home-occupied = The folder { $path } is not empty.
home-served = Another server uses { $path } already.
home-rebuilding = Somebody is rebuilding this registry just now.
home-in-use = A server or another command is using this folder.
path-nameless = { $path } names no folder or file.
keys-unusable = The key file { $path } cannot be used.
keys-other = These are not the keys of this deployment.
file-unusable = Could not read or write { $path }.
file-content = The content of { $path } cannot be used.
file-exists = { $path } exists already; nothing was written.
merge-unavailable = Nothing can be merged now. What was received is kept.
hint-merge-unavailable = The program could not start itself a second time: look at free memory and process limits, then try again.
store-busy = Another program is writing to the database.
store-failed = The database could not do what was asked; nothing was changed.
disk-full = The disk is full. What was acknowledged is safe; nothing else was written.
database-unreadable = The database cannot be read: it is not one of Lakou's, or it is encrypted.
registry-damaged = The registry is damaged.
schema-too-new = This database was written by a newer version of the program.

hint-init = Make one with "sync-server init", or name it with --home.
hint-other-copy = Name an empty or a new folder for the copy.
hint-other-home = Choose another folder with --home.
hint-keys = Put this deployment's keys.json, kept apart from the backups, back into the folder.
hint-one-server = One server serves one folder. The other commands may use it at the same time.
hint-stop-server = Stop the server, then try again.
hint-again = Try again in a moment.
hint-disk = Free some space, then try again.
hint-backup = Keep this folder as it is and restore the last backup into another one.
hint-upgrade = Install the newest version of sync-server.
hint-verify = Run "sync-server verify": it names each fault.

# --- serve
listen-refused = { $address } is not a local address, and this server does not speak TLS itself yet.
hint-listen = Put a TLS proxy in front of it and say --behind-tls-proxy. TLS of its own comes with the full sync.
serve-failed = Could not serve on { $address }.
hint-port = Is the address taken? Choose another port, or 0 for a free one.

# --- device
invite-valid = This code can be used once, until { $until }. It is secret.
invited-many =
    { $count ->
        [one] One invitation written to { $path }.
       *[other] { $count } invitations written to { $path }.
    }
codes-are-secret = These codes are secret: hand each to its person, then delete the file.
area-unlisted = No published form knows the area { $area } yet.
invitations-open =
    { $count ->
        [0] No invitation is waiting.
        [one] One invitation is waiting.
       *[other] Invitations waiting: { $count }.
    }
seat-ended = Seat { $seat } has been revoked. What it still sends will be set aside, nothing is lost.
seat-unknown = No seat { $seat } here.
seat-state-active = Active
seat-state-revoked = Revoked
seat-revoked = Seat { $seat } has been revoked already.
certificate-expired = The certificate of seat { $seat } has expired.
code-unusable = This enrolment code cannot be used.
enrolment-refused = The enrolment request is refused.
request-refused = The request is refused.
hint-device-list = "sync-server device list" shows the seats.
hint-invite = Make a new one with "sync-server device invite".

# --- form
form-published = Form "{ $lineage }" published, revision { $revision }.
form-refused = The form cannot be published.
pack-refused = The pack's file { $file } cannot be used.
pack-missing = There is no folder { $path }.
hint-form = Correct the workbook at the rows named, then publish it again.

# --- review
kind-conflict = Two different answers
kind-removed-and-edited = Member removed and edited
kind-rule-break = Inconsistency
item-open = To review
item-decided = Decided
item-superseded = Settled by a later answer
review-open =
    { $open ->
        [0] Nothing to review.
        [one] One item to review.
       *[other] Items to review: { $open }.
    }
item-about = Household: { $household } · { $record } · { $area }
alternative-origin = { $enumerator } · { $device } · visit { $visit } · received { $received }
item-how-conflict = To decide: review decide … --choose N, or --write question=value
item-how-removed = To decide: review decide … --keep (stays removed) or --restore (belongs to the household)
item-how-rule = To decide: review decide … --keep (it is true) or --write question=value
review-forks =
    { $open ->
        [0] No copied or restored computer waits for a decision.
        [one] One copied or restored computer waits for a decision.
       *[other] Copied or restored computers that wait for a decision: { $open }.
    }
fork-how = To decide: review fork BRANCH --reason … --account … The branch named stands; the other is written anew by its computer. Name that of a computer which no longer exists.
fork-decided = Decided: branch { $branch } stands.
fork-decided-now = Decided: branch { $branch } stands and is merged. The rest is written anew by its computer at its next sync.
branch-unknown = No branch { $branch }.
fork-none = This epoch has not two branches.
fork-decided-before = This is decided already.
item-settled-now =
    { $open ->
        [0] Decided: { $item }. Nothing left to review in this record.
        [one] Decided: { $item }. One item left to review in this record.
       *[other] Decided: { $item }. Items left to review in this record: { $open }.
    }
item-unknown = No review item { $item }.
item-settled = Item { $item } is settled already.
resolution-unfit = This decision does not fit this item.
answer-unfit = The value given for { $path } does not fit.
value-yes = yes
value-no = no
value-cleared = (cleared)
value-not-removed = (not removed)
marker-order = Place in the list
marker-person = Permanent identity
marker-removed = Removed from the list
marker-number = Registration number
hint-review-list = "sync-server review list" shows the items.
hint-decide = "sync-server review show" says how this item is decided.

# --- record
record-draft = In progress
record-finalised = Interview finished
record-withdrawn = Withdrawn
record-about = Record { $record } · { $number } · { $status }
record-place = { $area } · visit { $visit }
record-household = Household: { $label }
record-person = Member: { $label } ({ $person })
record-unknown = No record { $record } in the registry.
hint-record-list = "sync-server record list" shows the records.
outcome-none = Not worked through yet
outcome-merged = In the registry
outcome-held = Waits for an earlier sending
outcome-quarantined = Set aside, nothing is lost
outcome-forked = Computer copied or restored

reason-malformed = unreadable sending
reason-bad-signature = signature that does not fit
reason-unknown-seat = person or computer unknown at head office
reason-revoked = authorisation withdrawn before this sending
reason-bad-commitment = content other than announced
reason-bad-chain = broken run of sendings
reason-area-outside-certificate = place outside your area of work
reason-lineage-outside-certificate = form outside your authorisation
reason-role-not-allowed = your role does not allow this sending
reason-wrong-actor = author that does not fit
reason-change-refused = change that the registry does not take
reason-unloadable = record unreadable after this change
reason-unknown-form = form unknown at head office
reason-unsupported-kind = kind of sending not foreseen
reason-fork = computer copied or restored
reason-other-generation = record begun afresh in the meantime
reason-too-large = sending too large
reason-unknown-epoch = run of sendings that was not opened
reason-class-not-allowed = reserved information, not over this road
reason-missing-change = waits for an earlier change
reason-merge-fault = fault of the program at head office, which mends it
reason-merge-killed = too heavy to merge: set aside, head office looks at it
reason-other-branch = of the branch of a copied or restored computer that does not stand: that computer writes it anew
reason-place-taken = its place was taken by the other branch: its computer writes it anew
reason-unknown-record = record not known yet
delta-change = Answers
delta-finalise = Interview finished
delta-withdraw = Record withdrawn
delta-statement = Statement
delta-decision = Decision
delta-certificate = Certificate
delta-revocation = Revocation
delta-epoch = Start of a chain
delta-placement = Move
delta-publication = Publication
delta-baseline = Fresh start
delta-outcome = Outcome
delta-attachment = Attachment
delta-lease = Vouchers reserved to this computer
delta-claim = Voucher used
delta-redaction = Erasure
delta-branch = Decision on a copied computer
delta-restoration = Restored from a backup
prefix-short = "{ $text }" is too short: give at least { $chars } characters.
prefix-ambiguous = "{ $text }" fits several; give more characters.
list-more = The list goes on; --limit shows more.

# --- headings
heading-seat = Seat
heading-person = Person
heading-device = Computer
heading-role = Role
heading-last-seen = Last seen
heading-status = State
heading-lineage = Form
heading-title = Title
heading-version = Version
heading-revision = Revision
heading-item = Item
heading-kind = Kind
heading-subject = Subject
heading-record = Record
heading-number = Number
heading-area = Area
heading-visit = Visit
heading-index = No.
heading-branch = Branch
heading-deltas = Deltas
heading-merged = Merged
heading-records = Records
heading-first-received = First received
heading-last-received = Last received
heading-reason = Reason
heading-enumerator = Person
heading-received = Received at head office
heading-what = Act
heading-claimed = Computer's clock
heading-outcome = Outcome
role-enumerator = Enumerator
role-team-leader = Team leader
role-supervisor = Central supervisor
role-server = Server

# --- status
status-deployment = Deployment: { $deployment }
status-fingerprint = Fingerprint of the registry's key: { $fingerprint }
status-served = The server is running.
status-not-served = The server is stopped.
status-log = Log: { $entries } signed acts, { $merged } worked through
status-registry = Registry: { $households } household(s), { $persons } person(s)
status-seats = Seats: { $active } active, { $revoked } revoked
status-review = Items to review: { $open }
status-set-aside = Acts not in the registry: { $count }

# --- verify, head, rebuild, state-hash
verify-ok =
    { $entries ->
        [one] All holds: one act verified, root { $root }
       *[other] All holds: { $entries } acts verified, root { $root }
    }
verify-faults =
    { $count ->
        [one] One fault found.
       *[other] Faults found: { $count }.
    }
fault = Fault: { $what }
fault-at = Fault at act { $index }: { $what }
head-now =
    { $entries ->
        [one] One act in the log, root { $root }, at { $at }
       *[other] { $entries } acts in the log, root { $root }, at { $at }
    }
head-written = Signed and written to { $path }: keep it away from this machine.
rebuilt = Rebuilt from { $entries } acts; hash { $hash }
rebuilt-differs = The tables had been altered: the hash was { $before }. They are right now.
state-records = Hash of the records ({ $records }): { $hash }
state-registry = Hash of the registry: { $hash }
merge-behind =
    { $count ->
        [one] One received act is not worked through yet.
       *[other] Received acts not worked through yet: { $count }.
    }

# --- backup, restore
backup-done = Backup written to { $path }: { $entries } acts.
backup-keys = The keys are not in it: keep a copy of { $path } elsewhere, in a safe. One without the other restores nothing.
restore-done = Restored to { $path } and verified: { $entries } acts. Laptops will send again what is missing. Before you start it, publish again the forms that came out since.
restore-keys = The key file { $path } is missing.
restore-other = The database is not, byte for byte, the one the backup describes.
restore-altered = Rows of the registry were changed in the backup: they do not follow from the signed log.
hint-restore-keys = Name the copy of keys.json with --keys.
hint-not-a-backup = Name the folder that "sync-server backup" wrote.

bundle-no-parts = No file of Lakou's here ({ $others } other files passed over)
hint-no-parts = Name the ".lakou" files themselves, or the folder they are in.
bundle-taken = { $deltas } deltas received and kept, { $refused } of them refused (the receipts say why)
bundle-written = { $files } files written and read back. You may unplug the stick.
bundle-no-reply = Without an answer the laptops do not know that their work has arrived: add --reply DIR and bring them what is written there.
bundle-part-refused = { $file }: { $reason }
bundle-part-unread = { $file }: { $items } items could not be read and were left out. The laptop keeps what has no receipt and sends it again.
bundle-not-one = this is not a file of Lakou's
bundle-damaged = file damaged on the way
bundle-other-deployment = file of another registry (practice or real?)
bundle-sealed = file sealed for somebody else, or damaged on the way
bundle-signature = file that is not signed by whom it names: nothing of it is taken
bundle-for-device = file that goes to a laptop: it brings nothing to the registry
hint-bundle = Copy it again from where it was made. Nothing is lost: the laptop keeps what is not confirmed.
stick-differs = { $path }: what was read back is not what was written; take another stick
not-a-part = { $path } is not a file of Lakou's
too-many-entries = { $path } has too many files
bundle-no-answer = No answer for { $seat }: { $reason }
