# What a person reads, in English. Each message has its twin in fr.ftl, with the same places.

verbatim = { $text }
localised = { $en }
error = Error: { $message }
hint = What to do: { $hint }
warning = Take care: { $message }
training-banner = *** TRAINING: nothing entered here goes into the registry ***

# States
status-draft = In progress
status-finalised = Interview finished
status-withdrawn = Withdrawn
state-to-send = To send
state-open-items = To look at
delta-to-send = To send
delta-sent = Sent, not yet confirmed
delta-delivered = Received at head office
delta-merged = In the registry
delta-held = Waits for an earlier sending
delta-set-aside = Set aside, nothing is lost
delta-forked = Computer copied or restored
delta-refused = Not accepted by head office
delta-received = Received on this computer
delta-other = Other
finding-conflict = Two different answers: { $subject }
finding-removed-and-edited = A person removed on one side and changed on the other: { $subject }
finding-rule-break = Inconsistency: { $subject }
event-answered = Answers
event-answered-and-finalised = Answers, interview finished
event-finalised = Interview finished
event-withdrawn = Withdrawn
event-decided = Decision of the central supervisor
event-other = Other
form-newest = in use
form-ready = earlier version
form-fetching = being received
form-broken = unreadable

# Reason codes
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

problem-malformed = unreadable request
problem-enrolment-refused = the request does not prove that the key is yours
problem-unsigned = request without a signature
problem-request-refused = request of an unknown person, or a repeated one
problem-enrolment-code-unknown = unknown invitation code
problem-enrolment-code-expired = expired invitation code
problem-seat-revoked = your authorisation is withdrawn; your work is still taken
problem-certificate-expired = your authorisation has expired; your work is still taken
problem-not-found = nothing there
problem-method-not-allowed = request not foreseen
problem-request-timeout = the request took too long
problem-other-log = another log than this computer's
problem-enrolment-code-used = invitation code used by another computer already
problem-body-too-large = sending too large
problem-unsupported-media-type = sending of another type
problem-bundle-refused = sending that head office cannot take: for another registry, damaged, or not signed by anybody it knows
problem-too-many-requests = too many requests at once
problem-internal = fault of the program at head office
problem-busy = the server is busy
problem-storage-full = the server's disk is full

# Time
age-minutes =
    { $count ->
        [0] less than a minute
        [one] one minute
       *[other] { $count } minutes
    }
age-hours =
    { $count ->
        [one] one hour
       *[other] { $count } hours
    }
age-days =
    { $count ->
        [one] one day
       *[other] { $count } days
    }
clock-went-back = This computer's clock says { $now }, but the latest moment known is { $known }: it went back.
clock-far-ahead = This computer's clock says { $now }, but the latest moment known is { $known }: that is long ago.
clock-unconfirmed = Nobody can confirm the date: work goes on with the computer's time. Give --visit-date if it is wrong.
clock-place = Place of work: { $place }. Time zone: { $zone }.
clock-ask = Is it { $now } now, in this place? (y = yes, or the right date, year-month-day)
clock-ask-again = Type y, or a date such as 2026-11-21.

# Entering
ask-passphrase = Passphrase of { $person }:
ask-new-passphrase = Choose a passphrase for { $person }:
ask-passphrase-again = Once more:
passphrases-differ = The two are not the same. Begin again.
enrolled = { $person } can work on { $device }. Area: { $areas }.
enrolled-next = Next: collector sync, to receive the forms. Without a network: collector bundle export, the stick to head office, then collector bundle import.
user-added = { $person } can work on { $device }.

# Sending and receiving
sync-sending = Sending
sync-receiving = Receiving
sync-files = Forms
sync-restored = Head office went back to a backup. What it lacks is sent again: { $count }
sync-delivered = Received at head office: { $count }
sync-received = Received on this computer: { $count }
sync-fetched = Files of forms received: { $count }
sync-held = Waits for an earlier sending: { $count }
sync-set-aside = Set aside, nothing is lost: { $count }
sync-refused = Not accepted by head office: { $count } ({ $reason })
sync-traffic = Bytes sent: { $up }, received: { $down }; requests: { $requests }
sync-nothing-lost = Nothing is lost. Still to send: { $left }

# Status
status-who = { $person }, on { $device }
status-records = Records: { $all } (in progress { $draft }, interviews finished { $finalised })
status-to-send = To send: { $sendings } sendings about { $records } records; answers not signed yet: { $answers }
status-oldest = The oldest has waited for { $age }.
status-nothing-to-send = Nothing to send.
status-last-sync = Last exchange with head office: { $at }
status-never-synced = No exchange with head office so far.
status-sent = Received at head office: { $count }
status-merged = In the registry: { $count }
status-forked = Computer copied or restored: { $count } sendings wait for a decision
status-held = Waits for an earlier sending: { $count }
status-held-there = At head office, waits for an earlier sending: { $count }
status-refused = Not accepted by head office: { $count } ({ $reason })
status-set-aside = Set aside at head office, nothing is lost: { $count } ({ $reason })
status-set-aside-here = Set aside here, nothing is lost: { $count } ({ $reason })
status-conflicts = Two different answers: { $count }
status-removed-and-edited = A person removed on one side and changed on the other: { $count }
status-rule-breaks = Inconsistencies: { $count }
status-and-more = … and { $count } more
status-copied = This data was copied or restored: the next signature will tell head office.

# Forms
form-none = No form on this computer. Run: collector sync
form-usable = The form can be used. Questions: { $questions }
form-refused = The form cannot be used. Errors: { $count }

# Interview
interview-help = Enter = keep and go on · < = question before · - = clear · ? = help · :q = stop, all is kept
interview-resumed = We go on where the interview stopped.
interview-required = An answer is needed. Enter once more to come back to it later.
interview-pick = Type the number of a choice, or a part of its words. Several choices: put blanks between them.
interview-now = now: { $answer }
interview-stopped = All is kept. To go on: collector interview { $form } --record { $record }
interview-to-correct = To correct before the end: { $count }
interview-correct-help = Type a number to go there, < to go back, Enter to stop (all is kept).
interview-finish-ask = Finish the interview? (Y = yes, n = later)
interview-finished = Interview finished. Number: { $number } (record { $record })
interview-draft = In progress. Record { $record }
interview-recording = Recording
interview-recorded = Records made: { $count }
interview-blocked = Household no. { $household } of the file, to correct:
members-count = { $label }: { $count }
members-help = + = add · x 2 = remove no. 2 · Enter = go on
members-added = No. { $number } added.
members-reason = Why is this person removed?
members-kept = Without a reason nobody is removed.
violation-at = { $path }: { $message }
violation-rule = { $id }: { $message }
area-not-certified = The place { $area } is outside your area of work: head office will set the record aside until your area is widened. Nothing is lost.
telephone-is-placeholder = The pack's telephone for complaints is not the real one: do not hand over this slip.

# Answers file
answers-not-json = The answers file is not JSON objects (line { $line }, column { $column }).
answers-empty = The answers file is empty.
answers-invalid = Household no. { $household } of the file: an answer does not fit.
answers-fault = { $path }: expected: { $expected }; found: { $found }
answers-saved-before = Nothing was kept of this household. Households recorded before it: { $count }
answers-not-asked = Answers to questions that are not asked: { $count } (kept, but not exported)
answers-one-record = With --record the file must have one household; it has { $count }.
expected-question = a question of the form { $form }
expected-member = a member of this household
expected-asked = a question that a person answers
expected-short = a shorter path
expected-reason = a reason
expected-tick = true or false
expected-value = a single value (a list only for a multiple choice)
found-unknown = nothing of that name there
found-not-asked = a calculated value
found-nothing = nothing
found-list = a list
found-object = an object

# Records
record-none = No records.
record-id = Record { $record }
record-area = Place: { $area }
record-visit = Visit: { $date }
record-changed = Answers kept: { $count }
record-withdrawn-done = Record withdrawn: { $number } { $title }
marker-number = Household number
marker-removed = Person removed
ticked = yes
not-ticked = no
history-none = Nothing is signed yet for this record.
history-office = Head office

# The household's slip
slip-number = Household number: { $number }
slip-date = Visit of { $date }
slip-complaint = To complain, call: { $telephone }
slip-keep = Keep this paper. It promises no aid.

# Examination and copy
doctor-schema = Version of the data: { $schema }
doctor-checked = Sendings checked: { $count }
doctor-kept = Answers not signed yet: { $count }
doctor-clock = This computer's clock is not certain.
doctor-sound = All is in order.
doctor-damaged = Something is damaged.
backup-done = Copy made and read back: { $folder }

# Command line
usage-unknown-argument = { $argument } is not known.
usage-unknown-command = { $command } is not a command.
usage-missing-command = A command is missing.
usage-missing-argument = Missing: { $argument }
usage-conflict = { $argument } does not go with { $other }.
usage-invalid-value = { $value } does not fit { $argument }.
usage-wrong-value = { $value } does not fit { $argument } (expected: { $expected }).

# Errors
error-file = { $path }: { $reason }
error-file-missing = { $path } is not there ({ $reason }).
error-disk-full = The disk is full ({ $path }{ $reason }). What was kept stays.
error-damaged = The data is damaged, or is not ours. { $path }
error-newer-version = This data was written by a newer version of the program. { $path }
error-no-database = The database is not there. { $path }{ $reason }
error-busy = Another program is at work in this data. { $path }{ $reason }
error-store = The data cannot be read or written: { $reason }{ $path }
error-no-store = Nobody is enrolled in { $path } yet.
error-store-exists = There is data in { $path } already.
error-no-home = It is not known where to keep the data: give --home.
error-unknown-person = Nobody of that name works on this computer.
error-which-person = Several people work on this computer: { $people }
error-person-exists = Somebody of that name works on this computer already.
error-wrong-passphrase = The passphrase is not right.
error-passphrase-short = A passphrase has at least { $at_least } characters.
error-no-passphrase = The passphrase is needed, and nobody is there to type it.
error-no-randomness = The computer gives no random numbers.
error-merge-unavailable = The changes received cannot be merged now. They are kept.
hint-merge-unavailable = The program could not start itself a second time. Free some memory, close other programs, then run the command again.
error-invitation = This is not an invitation code: a character is missing or wrong.
error-other-deployment = This invitation is for another registry (training or production).
error-enrolment-refused = Head office did not accept the enrolment ({ $reason }).
error-enrolment-pending = The enrolment is not finished: no answer has come yet.
error-not-the-registry = What answered is not the registry of the invitation ({ $status }). Nothing was done.
error-no-server = No connection with head office ({ $reason }).
error-not-ours = Something else than the server answered: often the welcome page of a Wi-Fi.
error-untrusted = The answer is not signed by this registry: nothing counts as sent.
error-log-restored = Head office went back to a backup.
error-other-log = The server is not the one this computer knows. Nothing was taken.
error-refused = Head office did not accept the request ({ $reason }).
error-not-now = Head office cannot answer right now ({ $reason }).
error-address = { $address } is not the address of a server.
error-address-plain = { $address } is not protected: outside this computer it must be https://
error-certificate-authority = The server's certificate cannot be used: { $reason }
error-no-server-address = It is not known where the server is.
error-no-form = The form { $form } is not on this computer yet.
error-unknown-revision = The version of this record's form is not on this computer.
error-not-certified = You are not authorised for the form { $form }.
error-unknown-record = No record { $record } on this computer.
error-record-not-found = { $found ->
        [0] No record has that number.
       *[other] { $found } records begin like that: give more characters.
    }
error-no-such-place = There is no record no. { $place } in the list.
error-no-such-member = There is no no. { $place }; there are { $count }.
error-unknown-member = { $member } is not in this household, which has { $count } members.
error-which-repeat = This form has several lists: give --repeat.
error-withdrawn = The record { $record } is withdrawn: it takes no more answers.
error-path = This is not a question's path ({ $reason }).
error-not-in-form = The form has no question { $path }.
error-not-for-people = { $path } is calculated: nobody answers it.
error-answer = { $path }: { $expected }
error-reason-missing = A reason is needed.
error-blocked = Interview not finished; to correct: { $count }
error-blocked-households = Households not finished, to correct: { $count }
error-empty = The record { $record } has no answers yet.
error-no-area = It is not known in which place this household is.
error-numbers-used-up = You have no household numbers left.
error-document = The record does not take these answers.
error-unreadable = A part of the data cannot be read ({ $what }).

# What to do
hint-usage = collector --help shows the commands.
hint-wrong-passphrase = Try again. Head office can open the data of a person who forgot the passphrase.
hint-no-server = Nothing is lost. Try again when there is a network.
hint-refused = Nothing is lost. Call head office and read out this message.
hint-not-now = Nothing is lost. Try again in a while; if it lasts, call head office.
hint-busy = Close the other window, or wait a moment, and try again.
hint-damaged = Delete nothing. Make a copy of the folder and call head office.
hint-disk-full = Make room and try again: nothing is lost.
hint-newer-version = Install the new version of the program.
hint-invitation = Copy the whole code; blanks and hyphens do not count.
hint-other-deployment = Ask head office for an invitation to this registry.
hint-enrolment-refused = The invitation may have been used already. Ask head office for another.
hint-enrolment-pending = With a network: run collector init again with the same code and the same name. By stick: collector init --answer FOLDER, with the file that head office gave back.
hint-not-ours = Open a page in the browser, enter the Wi-Fi, and try again. Nothing is lost.
hint-untrusted = Do not go on in this network. Nothing is lost. Call head office.
hint-log-restored = Sync: what it lacks will be sent again.
hint-other-log = Nothing is lost. Call head office: the server may have been restored.
hint-no-form = Run: collector sync
hint-not-certified = Ask head office for the authorisation for this form.
hint-record = collector record list shows the records.
hint-path = collector form show shows the paths of the questions.
hint-address = An address is like https://registry.example.ht
hint-no-store = Begin with: collector init
hint-unknown-person = collector user list shows the names.
hint-which-person = Give --user, or LAKOU_USER.
hint-no-passphrase = Give --passphrase-file, or LAKOU_PASSPHRASE.
hint-answers = A household is an object: a question's path, an answer. Several: a list, or one object a line.

# Sending and receiving by USB stick, mail or messenger
bundle-writing = Writing
bundle-reading = Reading
bundle-written = { $deltas } sendings written and read back, in { $files } files
bundle-may-unplug = You may unplug the stick.
bundle-not-delivered = Nothing is deleted here: work counts as received when the answer of head office comes back ("bundle import").
bundle-part-refused = { $file }: { $reason }
bundle-waiting = { $count } pages wait for a part that is still missing
bundle-still-to-send = { $count } sendings not yet confirmed by head office
error-no-parts = No file of Lakou's here ({ $others } other files passed over)
hint-no-parts = Name the ".lakou" files themselves, or the folder they are in.
error-stick-differs = { $path }: what was read back is not what was written
hint-stick-differs = Take another stick: this one loses what is written to it. Nothing is lost on this computer.
error-not-a-part = { $path } is not a file of Lakou's
error-too-many-entries = { $path } has too many files
error-not-a-bundle = this is not a file of Lakou's
error-bundle-damaged = file damaged on the way
hint-bundle-damaged = Copy it again from where it was made. Nothing is lost.
error-bundle-other-deployment = file of another registry (practice or real?)
error-bundle-sealed = file sealed for somebody else, or damaged on the way
error-bundle-signature = file that does not come from head office: nothing of it is taken
error-bundle-for-registry = file that goes to head office: it brings nothing to this computer
error-bundle-colleague = file for { $person }, who can read it here with their passphrase
error-no-bundle-recipient = this computer does not know yet for whom to seal what it sends
error-too-many-waiting = too many files wait for an earlier part

# Enrolment without a network
enrolment-asked = Bring this file to head office; when it comes back: "init --person NAME --answer STICK". Nothing can be entered until then.
error-nothing-asked = Nobody of that name waits for an answer on this computer
hint-nothing-asked = Begin with "init --request FOLDER", or check the name.
error-no-answer = None of these files answers the request made on this computer
hint-no-answer = Name the folder where head office wrote its answers; the request still holds.
error-nothing-for-here = Nothing for this computer and person ({ $others } files for others)
hint-nothing-for-here = Check that head office has answered, and that the right person has unlocked the store.

# Proof
proven = { $count } sendings about this record are proven to be in head office's log ({ $size } entries)
proof-to-send = { $count } sendings have not reached head office yet
error-not-proven = Head office had confirmed { $count } sendings about this record and cannot show them

# Where a record is
progress-set-aside = Set aside, nothing is lost ({ $reason }). { $todo }
progress-forked = Computer copied or restored: the central supervisor must say which branch counts
progress-to-send = To send for { $age }
progress-in-progress = Correction in progress
progress-held = Waits for an earlier sending
progress-sent = Sent, not yet in the registry
progress-in-review = In the registry, to be looked at by the supervisor
progress-merged = In the registry
progress-received = Received on this computer
todo-enrol-again = Ask head office for a new invitation.
todo-ask-for-rights = Ask head office to extend what you may do; the sending is kept there.
todo-form-or-version = Tell head office: it lacks this form, or a newer version.
todo-sync-then-tell = Sync once more; if it stays, tell head office.
todo-tell = Tell head office, with the record's number.

# Work that waits
unsent-note = Your work has waited { $age } to be sent.
unsent-warning = Attention: for { $age } your work has been on this computer only. Send it as soon as you can.
unsent-alarm = URGENT: for { $age } your work has been on this computer only. If it is stolen or breaks, all of it is lost. Send it ("sync", or "bundle export" to a stick), or at least make a copy ("backup").
error-already-asked = Another request of this person waits for its answer on this computer
hint-already-asked = Make the same request again (same invitation, name and computer), or wait for the answer. With another invitation: begin in another folder (--home).

# The relay: a colleague's computer carries what it cannot read.

relay-address = Address to type on the other computer: { $address }
relay-words = Words to read aloud: { $words }
relay-folder = The files are in { $folder }; they may be copied to a stick too.
relay-open = This computer waits for colleagues. Ctrl-C stops it: nothing taken in is lost.
relay-met = A colleague handed over { $taken } files ({ $had } were here already) and took { $handed_back } answers.
relay-cut = The handing over stopped: { $reason }
relay-dropped = { $count } answers that were too old or too many were deleted here. Their colleagues get others when they send again.
relay-wrong-words = Somebody gave wrong words. Tries left: { $left }
relay-closed = The end: { $taken } files taken, { $handed_back } answers handed back. With a network, "sync" carries them to head office.
relay-carries-nothing = This computer carries nothing for others.
relay-carries-up = For head office: { $parts } files, { $bytes } bytes. "sync" carries them there.
relay-carries-replies = Answers of head office for colleagues: { $parts } files, { $seats } people
relay-handing-over = Handing over
relay-handed-over = Handed to this colleague: { $deltas } sendings in { $parts } files ({ $already } were there already)
relay-replies = Answers of head office taken from there: { $parts }
relay-reply-left = { $count } answers left there: { $reason }
relay-not-delivered = Nothing is deleted here: work counts as received when the answer of head office comes back.
relay-so-far = Handed over before it stopped: { $parts } files; answers taken: { $replies }
ask-relay-words = The words that your colleague reads:
sync-carrying = Sendings of colleagues
sync-carrying-stopped = The sendings of colleagues stopped ({ $reason }). Still to carry: { $left }
sync-carried = Carried to head office for colleagues: { $parts } files; answers to hand back: { $replies }
sync-carried-refused = Not accepted by head office, kept here: { $count } files of colleagues
sync-carried-left = Still to be carried to head office: { $count } files of colleagues
error-relay-none = no computer answers at { $address } ({ $reason })
error-relay-not-one = what answers at this address is no relay of Lakou's
error-relay-words = the words are not those of the other computer: nothing was handed over
error-relay-no-words = the four words that the other computer shows are needed
error-relay-garbled = the connection to the other computer was disturbed
error-relay-lost = the connection to the other computer broke
error-relay-other-deployment = the other computer is of another registry (practice or real?)
error-relay-full = the other computer cannot carry more
error-relay-trouble = the other computer could not take the files
error-relay-listen = cannot wait for colleagues at { $address } ({ $reason })
error-relay-guessed = wrong words { $tries } times: somebody may be guessing. The relay has stopped, and nothing was handed to them.
hint-relay-address = Both computers must be in the same network. Check the address that the other one shows, and that "relay serve" runs there.
hint-relay-words = Ask your colleague for the words and type them: --words "one two three four".
hint-relay-again = Start again: what was handed over is not sent twice. Nothing is lost.
hint-relay-full = Hand your work to somebody else, or put it on a stick ("bundle export"). Nothing is lost.
hint-relay-listen = Choose another port with --listen.
hint-relay-guessed = Start "relay serve" again for new words, and read them to your colleague only.
