# Ce que lit une personne, en français. Les mots viennent de notes/words : jamais un mot du code quand un mot existe ici.
# Chaque message a son jumeau dans en.ftl, avec les mêmes places.

verbatim = { $text }
localised = { $fr }
error = Erreur : { $message }
hint = À faire : { $hint }
warning = Attention : { $message }
training-banner = *** FORMATION : rien de ce qui est saisi ici n'entre au registre ***

# États
status-draft = En cours
status-finalised = Entretien terminé
status-withdrawn = Retiré
state-to-send = À envoyer
state-open-items = À regarder
delta-to-send = À envoyer
delta-sent = Envoyé, pas encore confirmé
delta-delivered = Reçu au siège
delta-merged = Inscrit au registre
delta-held = Attend un envoi précédent
delta-set-aside = Mis de côté, rien n'est perdu
delta-forked = Ordinateur copié ou restauré
delta-refused = Pas accepté par le siège
delta-received = Reçu sur cet ordinateur
delta-other = Autre
finding-conflict = Deux réponses différentes : { $subject }
finding-removed-and-edited = Personne retirée d'un côté et modifiée de l'autre : { $subject }
finding-rule-break = Incohérence : { $subject }
event-answered = Réponses
event-answered-and-finalised = Réponses, entretien terminé
event-finalised = Entretien terminé
event-withdrawn = Retiré
event-decided = Décision du superviseur central
event-other = Autre
form-newest = en service
form-ready = version précédente
form-fetching = en cours de réception
form-broken = illisible

# Codes de raison
reason-malformed = envoi illisible
reason-bad-signature = signature qui ne correspond pas
reason-unknown-seat = personne ou ordinateur inconnu du siège
reason-revoked = autorisation retirée avant cet envoi
reason-bad-commitment = contenu différent de ce qui est annoncé
reason-bad-chain = suite d'envois rompue
reason-area-outside-certificate = lieu hors de votre zone de travail
reason-lineage-outside-certificate = formulaire hors de votre autorisation
reason-role-not-allowed = votre rôle ne permet pas cet envoi
reason-wrong-actor = auteur qui ne correspond pas
reason-change-refused = modification que le registre ne prend pas
reason-unloadable = fiche illisible après cette modification
reason-unknown-form = formulaire inconnu du siège
reason-unsupported-kind = sorte d'envoi non prévue
reason-fork = ordinateur copié ou restauré
reason-other-generation = fiche recommencée entre-temps
reason-too-large = envoi trop grand
reason-unknown-epoch = suite d'envois non ouverte
reason-class-not-allowed = information réservée, pas par cette voie
reason-missing-change = attend une modification précédente
reason-merge-fault = faute du programme au siège, qui la corrige
reason-merge-killed = trop lourde à intégrer : mise de côté, le siège l'examine
reason-other-branch = branche écartée d'un ordinateur copié ou restauré : cet ordinateur la réécrit
reason-place-taken = place déjà prise par l'autre branche : cet ordinateur la réécrit
reason-unknown-record = fiche encore inconnue

problem-malformed = demande illisible
problem-enrolment-refused = la demande ne prouve pas que la clé est la vôtre
problem-unsigned = demande sans signature
problem-request-refused = demande d'une personne inconnue, ou répétée
problem-enrolment-code-unknown = code d'invitation inconnu
problem-enrolment-code-expired = code d'invitation expiré
problem-seat-revoked = votre autorisation est retirée ; votre travail est encore pris
problem-certificate-expired = votre autorisation a expiré ; votre travail est encore pris
problem-not-found = rien à cet endroit
problem-method-not-allowed = demande non prévue
problem-request-timeout = la demande a pris trop de temps
problem-other-log = autre journal que celui de cet ordinateur
problem-enrolment-code-used = code d'invitation déjà utilisé par un autre ordinateur
problem-body-too-large = envoi trop grand
problem-unsupported-media-type = envoi d'un autre type
problem-bundle-refused = envoi que le siège ne peut pas prendre : pour un autre registre, abîmé, ou signé par personne de connu
problem-too-many-requests = trop de demandes à la fois
problem-internal = faute du programme au siège
problem-busy = le serveur est occupé
problem-storage-full = le disque du serveur est plein

# Temps
age-minutes =
    { $count ->
        [0] moins d'une minute
        [one] une minute
       *[other] { $count } minutes
    }
age-hours =
    { $count ->
        [one] une heure
       *[other] { $count } heures
    }
age-days =
    { $count ->
        [one] un jour
       *[other] { $count } jours
    }
clock-went-back = L'horloge de cet ordinateur dit { $now }, mais le dernier moment connu est { $known } : elle est revenue en arrière.
clock-far-ahead = L'horloge de cet ordinateur dit { $now }, mais le dernier moment connu est { $known } : cela fait longtemps.
clock-unconfirmed = Personne ne peut confirmer la date : le travail continue avec l'heure de l'ordinateur. Donnez --visit-date si elle est fausse.
clock-place = Lieu de travail : { $place }. Fuseau horaire : { $zone }.
clock-ask = Sommes-nous bien le { $now }, et en ce lieu ? (o = oui, ou la bonne date, jour/mois/année)
clock-ask-again = Tapez o, ou une date comme 21/11/2026.

# Entrée
ask-passphrase = Phrase secrète de { $person } :
ask-new-passphrase = Choisissez une phrase secrète pour { $person } :
ask-passphrase-again = Encore une fois :
passphrases-differ = Les deux ne sont pas pareilles. Recommencez.
enrolled = { $person } peut travailler sur { $device }. Zone : { $areas }.
enrolled-next = Ensuite : collector sync, pour recevoir les formulaires. Sans réseau : collector bundle export, la clé au siège, puis collector bundle import.
user-added = { $person } peut travailler sur { $device }.

# Envoi et réception
sync-sending = Envoi
sync-receiving = Réception
sync-files = Formulaires
sync-restored = Le siège a repris une sauvegarde. Ce qui lui manque repart : { $count } envois
sync-delivered = Reçu au siège : { $count }
sync-received = Reçu sur cet ordinateur : { $count }
sync-fetched = Fichiers de formulaires reçus : { $count }
sync-held = Attend un envoi précédent : { $count }
sync-set-aside = Mis de côté, rien n'est perdu : { $count }
sync-refused = Pas accepté par le siège : { $count } ({ $reason })
sync-traffic = Octets envoyés : { $up }, reçus : { $down } ; requêtes : { $requests }
sync-nothing-lost = Rien n'est perdu. Encore à envoyer : { $left }

# État
status-who = { $person }, sur { $device }
status-records = Fiches : { $all } (en cours { $draft }, entretiens terminés { $finalised })
status-to-send = À envoyer : { $sendings } envois sur { $records } fiches ; réponses pas encore signées : { $answers }
status-oldest = Le plus ancien attend depuis { $age }.
status-nothing-to-send = Rien à envoyer.
status-last-sync = Dernier échange avec le siège : { $at }
status-never-synced = Aucun échange avec le siège pour le moment.
status-sent = Reçu au siège : { $count }
status-merged = Inscrit au registre : { $count }
status-forked = Ordinateur copié ou restauré : { $count } envois attendent une décision
status-held = Attend un envoi précédent : { $count }
status-held-there = Au siège, attend un envoi précédent : { $count }
status-refused = Pas accepté par le siège : { $count } ({ $reason })
status-set-aside = Mis de côté au siège, rien n'est perdu : { $count } ({ $reason })
status-set-aside-here = Mis de côté ici, rien n'est perdu : { $count } ({ $reason })
status-conflicts = Deux réponses différentes : { $count }
status-removed-and-edited = Personne retirée d'un côté et modifiée de l'autre : { $count }
status-rule-breaks = Incohérences : { $count }
status-and-more = … et { $count } autres
status-copied = Ces données ont été copiées ou restaurées : la prochaine signature le dira au siège.

# Formulaires
form-none = Aucun formulaire sur cet ordinateur. Faites : collector sync
form-usable = Le formulaire peut servir. Questions : { $questions }
form-refused = Le formulaire ne peut pas servir. Erreurs : { $count }

# Entretien
interview-help = Entrée = garder et continuer · < = question d'avant · - = effacer · ? = aide · :q = arrêter, tout est gardé
interview-resumed = On reprend là où l'entretien s'était arrêté.
interview-required = Une réponse est nécessaire. Entrée encore une fois pour y revenir plus tard.
interview-pick = Tapez le numéro d'un choix, ou une partie de ses mots. Plusieurs choix : séparez par des espaces.
interview-now = maintenant : { $answer }
interview-stopped = Tout est gardé. Pour continuer : collector interview { $form } --record { $record }
interview-to-correct = À corriger avant de terminer : { $count }
interview-correct-help = Tapez un numéro pour y aller, < pour revenir, Entrée pour arrêter (tout est gardé).
interview-finish-ask = Terminer l'entretien ? (O = oui, n = plus tard)
interview-finished = Entretien terminé. Numéro : { $number } (fiche { $record })
interview-draft = En cours. Fiche { $record }
interview-recording = Enregistrement
interview-recorded = Fiches enregistrées : { $count }
interview-blocked = Ménage nº { $household } du fichier, à corriger :
members-count = { $label } : { $count }
members-help = + = ajouter · x 2 = enlever le nº 2 · Entrée = continuer
members-added = Nº { $number } ajouté.
members-reason = Pourquoi cette personne est-elle enlevée ?
members-kept = Sans raison, personne n'est enlevé.
violation-at = { $path } : { $message }
violation-rule = { $id } : { $message }
area-not-certified = Le lieu { $area } est hors de votre zone de travail : le siège mettra la fiche de côté jusqu'à ce que votre zone soit élargie. Rien n'est perdu.
telephone-is-placeholder = Le téléphone des plaintes du paquet n'est pas le vrai : ne remettez pas ce papier.

# Fichier de réponses
answers-not-json = Le fichier de réponses n'est pas du JSON d'objets (ligne { $line }, colonne { $column }).
answers-empty = Le fichier de réponses est vide.
answers-invalid = Ménage nº { $household } du fichier : une réponse ne convient pas.
answers-fault = { $path } : attendu : { $expected } ; trouvé : { $found }
answers-saved-before = Rien n'a été gardé de ce ménage. Ménages enregistrés avant lui : { $count }
answers-not-asked = Réponses à des questions qui ne se posent pas : { $count } (gardées, mais pas exportées)
answers-one-record = Avec --record le fichier doit avoir un seul ménage ; il en a { $count }.
expected-question = une question du formulaire { $form }
expected-member = un membre de ce ménage
expected-asked = une question à laquelle une personne répond
expected-short = un chemin moins long
expected-reason = une raison
expected-tick = true ou false
expected-value = une valeur simple (une liste seulement pour un choix multiple)
found-unknown = rien de ce nom à cet endroit
found-not-asked = une valeur calculée
found-nothing = rien
found-list = une liste
found-object = un objet

# Fiches
record-none = Aucune fiche.
record-id = Fiche { $record }
record-area = Lieu : { $area }
record-visit = Visite : { $date }
record-changed = Réponses gardées : { $count }
record-withdrawn-done = Fiche retirée : { $number } { $title }
marker-number = Numéro du ménage
marker-removed = Personne enlevée
ticked = oui
not-ticked = non
history-none = Rien n'est encore signé pour cette fiche.
history-office = Siège

# Papier du ménage
slip-number = Numéro du ménage : { $number }
slip-date = Visite du { $date }
slip-complaint = Pour se plaindre, appelez : { $telephone }
slip-keep = Gardez ce papier. Il ne promet aucune aide.

# Examen et copie
doctor-schema = Version des données : { $schema }
doctor-checked = Envois vérifiés : { $count }
doctor-kept = Réponses pas encore signées : { $count }
doctor-clock = L'horloge de cet ordinateur n'est pas sûre.
doctor-sound = Tout est en ordre.
doctor-damaged = Quelque chose est endommagé.
backup-done = Copie faite et relue : { $folder }

# Ligne de commande
usage-unknown-argument = { $argument } n'est pas connu.
usage-unknown-command = { $command } n'est pas une commande.
usage-missing-command = Il manque une commande.
usage-missing-argument = Il manque : { $argument }
usage-conflict = { $argument } ne va pas avec { $other }.
usage-invalid-value = { $value } ne convient pas pour { $argument }.
usage-wrong-value = { $value } ne convient pas pour { $argument } (attendu : { $expected }).

# Erreurs
error-file = { $path } : { $reason }
error-file-missing = { $path } n'existe pas ({ $reason }).
error-disk-full = Le disque est plein ({ $path }{ $reason }). Ce qui était gardé le reste.
error-damaged = Les données sont endommagées, ou ne sont pas les nôtres. { $path }
error-newer-version = Ces données ont été écrites par une version plus récente du programme. { $path }
error-no-database = La base de données n'est pas là. { $path }{ $reason }
error-busy = Un autre programme travaille dans ces données. { $path }{ $reason }
error-store = Les données ne peuvent pas être lues ou écrites : { $reason }{ $path }
error-no-store = Personne n'est encore inscrit dans { $path }.
error-store-exists = Il y a déjà des données dans { $path }.
error-no-home = On ne sait pas où garder les données : donnez --home.
error-unknown-person = Personne de ce nom ne travaille sur cet ordinateur.
error-which-person = Plusieurs personnes travaillent sur cet ordinateur : { $people }
error-person-exists = Une personne de ce nom travaille déjà sur cet ordinateur.
error-wrong-passphrase = La phrase secrète n'est pas la bonne.
error-passphrase-short = Une phrase secrète a au moins { $at_least } caractères.
error-no-passphrase = Il faut la phrase secrète, et personne n'est là pour la taper.
error-no-randomness = L'ordinateur ne donne pas de nombres au hasard.
error-merge-unavailable = Les modifications reçues ne peuvent pas être intégrées maintenant. Elles sont gardées.
hint-merge-unavailable = Le programme n'a pas pu se lancer une seconde fois. Libérez de la mémoire, fermez d'autres programmes, puis refaites la commande.
error-invitation = Ce n'est pas un code d'invitation : un caractère manque ou est faux.
error-other-deployment = Cette invitation est pour un autre registre (formation ou production).
error-enrolment-refused = Le siège n'a pas accepté l'inscription ({ $reason }).
error-enrolment-pending = L'inscription n'est pas finie : aucune réponse n'est encore venue.
error-not-the-registry = Ce qui a répondu n'est pas le registre de l'invitation ({ $status }). Rien n'a été fait.
error-no-server = Pas de connexion avec le siège ({ $reason }).
error-not-ours = Autre chose que le serveur a répondu : souvent la page d'accueil d'un Wi-Fi.
error-untrusted = La réponse n'est pas signée par ce registre : rien ne compte comme envoyé.
error-log-restored = Le siège a repris une sauvegarde.
error-other-log = Le serveur n'est pas celui que cet ordinateur connaît. Rien n'a été pris.
error-refused = Le siège n'a pas accepté la demande ({ $reason }).
error-not-now = Le siège ne peut pas répondre en ce moment ({ $reason }).
error-address = { $address } n'est pas l'adresse d'un serveur.
error-address-plain = { $address } n'est pas protégé : hors de cet ordinateur il faut https://
error-certificate-authority = Le certificat du serveur ne peut pas servir : { $reason }
error-no-server-address = On ne sait pas où est le serveur.
error-no-form = Le formulaire { $form } n'est pas encore sur cet ordinateur.
error-unknown-revision = La version du formulaire de cette fiche n'est pas sur cet ordinateur.
error-not-certified = Vous n'avez pas l'autorisation pour le formulaire { $form }.
error-unknown-record = Aucune fiche { $record } sur cet ordinateur.
error-record-not-found = { $found ->
        [0] Aucune fiche n'a ce numéro.
       *[other] { $found } fiches commencent ainsi : donnez plus de caractères.
    }
error-no-such-place = Il n'y a pas de fiche nº { $place } dans la liste.
error-no-such-member = Il n'y a pas de nº { $place } ; il y en a { $count }.
error-unknown-member = { $member } n'est pas dans ce ménage, qui a { $count } membres.
error-which-repeat = Ce formulaire a plusieurs listes : donnez --repeat.
error-withdrawn = La fiche { $record } est retirée : elle ne prend plus de réponses.
error-path = Ce n'est pas le chemin d'une question ({ $reason }).
error-not-in-form = Le formulaire n'a pas de question { $path }.
error-not-for-people = { $path } est calculé : personne n'y répond.
error-answer = { $path } : { $expected }
error-reason-missing = Il faut une raison.
error-blocked = Entretien pas terminé ; à corriger : { $count }
error-blocked-households = Ménages pas terminés, à corriger : { $count }
error-empty = La fiche { $record } n'a encore aucune réponse.
error-no-area = On ne sait pas dans quel lieu est ce ménage.
error-numbers-used-up = Vous n'avez plus de numéros de ménage.
error-document = La fiche ne prend pas ces réponses.
error-unreadable = Une partie des données ne peut pas être lue ({ $what }).

# Ce qu'il faut faire
hint-usage = collector --help montre les commandes.
hint-wrong-passphrase = Essayez encore. Le siège peut ouvrir les données d'une personne qui a oublié sa phrase.
hint-no-server = Rien n'est perdu. Essayez encore quand il y a du réseau.
hint-refused = Rien n'est perdu. Appelez le siège et dites ce message.
hint-not-now = Rien n'est perdu. Essayez encore dans un moment ; si cela dure, appelez le siège.
hint-busy = Fermez l'autre fenêtre, ou attendez un moment, et recommencez.
hint-damaged = N'effacez rien. Faites une copie du dossier et appelez le siège.
hint-disk-full = Faites de la place et recommencez : rien n'est perdu.
hint-newer-version = Installez la nouvelle version du programme.
hint-invitation = Recopiez le code en entier ; les espaces et les tirets ne comptent pas.
hint-other-deployment = Demandez au siège une invitation pour ce registre.
hint-enrolment-refused = L'invitation a peut-être déjà servi. Demandez-en une autre au siège.
hint-enrolment-pending = Avec du réseau : recommencez collector init avec le même code et le même nom. Par clé : collector init --answer DOSSIER, avec le fichier que le siège a rendu.
hint-not-ours = Ouvrez une page dans le navigateur, entrez dans le Wi-Fi, et recommencez. Rien n'est perdu.
hint-untrusted = Ne continuez pas sur ce réseau. Rien n'est perdu. Appelez le siège.
hint-log-restored = Synchronisez : ce qui lui manque repartira.
hint-other-log = Rien n'est perdu. Appelez le siège : le serveur a peut-être été restauré.
hint-no-form = Faites : collector sync
hint-not-certified = Demandez au siège l'autorisation pour ce formulaire.
hint-record = collector record list montre les fiches.
hint-path = collector form show montre les chemins des questions.
hint-address = Une adresse est comme https://registre.exemple.ht
hint-no-store = Commencez par : collector init
hint-unknown-person = collector user list montre les noms.
hint-which-person = Donnez --user, ou LAKOU_USER.
hint-no-passphrase = Donnez --passphrase-file, ou LAKOU_PASSPHRASE.
hint-answers = Un ménage est un objet : un chemin de question, une réponse. Plusieurs : une liste, ou un objet par ligne.

# Envoyer et recevoir par clé USB, courrier ou messagerie
bundle-writing = Écriture
bundle-reading = Lecture
bundle-written = { $deltas } envois écrits et relus, en { $files } fichiers
bundle-may-unplug = Vous pouvez retirer la clé.
bundle-not-delivered = Rien n'est effacé ici : le travail compte comme reçu quand la réponse du siège revient (« bundle import »).
bundle-part-refused = { $file } : { $reason }
bundle-waiting = { $count } pages attendent une partie qui manque encore
bundle-still-to-send = { $count } envois pas encore confirmés par le siège
error-no-parts = Aucun fichier de Lakou ici ({ $others } autres fichiers laissés de côté)
hint-no-parts = Donnez les fichiers « .lakou » eux-mêmes, ou le dossier où ils sont.
error-stick-differs = { $path } : ce qui est relu n'est pas ce qui a été écrit
hint-stick-differs = Prenez une autre clé : celle-ci perd ce qu'on y écrit. Rien n'est perdu sur cet ordinateur.
error-not-a-part = { $path } n'est pas un fichier de Lakou
error-too-many-entries = { $path } contient trop de fichiers
error-not-a-bundle = ce n'est pas un fichier de Lakou
error-bundle-damaged = fichier abîmé en route
hint-bundle-damaged = Copiez-le de nouveau là où il a été fait. Rien n'est perdu.
error-bundle-other-deployment = fichier d'un autre registre (formation ou réel ?)
error-bundle-sealed = fichier fermé pour quelqu'un d'autre, ou abîmé en route
error-bundle-signature = fichier qui ne vient pas du siège : rien n'en est pris
error-bundle-for-registry = fichier qui va au siège : il n'apporte rien à cet ordinateur
error-bundle-colleague = fichier pour { $person }, qui peut le lire ici avec sa phrase secrète
error-no-bundle-recipient = cet ordinateur ne sait pas encore pour qui fermer ses envois
error-too-many-waiting = trop de fichiers attendent une partie précédente

# Inscription sans réseau
enrolment-asked = Portez ce fichier au siège ; à son retour : « init --person NOM --answer CLÉ ». D'ici là, rien ne peut être saisi.
error-nothing-asked = Personne de ce nom n'attend de réponse sur cet ordinateur
hint-nothing-asked = Commencez par « init --request DOSSIER », ou vérifiez le nom.
error-no-answer = Aucun de ces fichiers ne répond à la demande faite sur cet ordinateur
hint-no-answer = Donnez le dossier où le siège a écrit ses réponses ; la demande reste valable.
error-nothing-for-here = Rien pour cet ordinateur ni pour cette personne ({ $others } fichiers pour d'autres)
hint-nothing-for-here = Vérifiez que le siège a répondu, et que la bonne personne a ouvert les données.

# Preuve
proven = { $count } envois de cette fiche sont prouvés dans le journal du siège ({ $size } inscriptions)
proof-to-send = { $count } envois ne sont pas encore reçus au siège
error-not-proven = Le siège avait confirmé { $count } envois de cette fiche et ne peut pas les montrer

# Où en est une fiche
progress-set-aside = Mis de côté, rien n'est perdu ({ $reason }). { $todo }
progress-forked = Ordinateur copié ou restauré : le superviseur central doit dire quelle branche compte
progress-to-send = À envoyer depuis { $age }
progress-in-progress = Correction en cours
progress-held = Attend un envoi précédent
progress-sent = Envoyé, pas encore inscrit
progress-in-review = Inscrit au registre, à regarder par le superviseur
progress-merged = Inscrit au registre
progress-received = Reçu sur cet ordinateur
todo-enrol-again = Demandez une nouvelle invitation au siège.
todo-ask-for-rights = Demandez au siège d'étendre votre autorisation ; l'envoi est gardé là-bas.
todo-form-or-version = Prévenez le siège : il lui manque ce formulaire ou une version plus récente.
todo-sync-then-tell = Envoyez encore une fois ; si cela reste, prévenez le siège.
todo-tell = Prévenez le siège et donnez-lui le numéro de la fiche.

# Le travail qui attend
unsent-note = Votre travail attend d'être envoyé depuis { $age }.
unsent-warning = Attention : votre travail n'est que sur cet ordinateur depuis { $age }. Envoyez-le dès que possible.
unsent-alarm = URGENT : votre travail n'est que sur cet ordinateur depuis { $age }. S'il est volé ou tombe en panne, tout est perdu. Envoyez-le (« sync », ou « bundle export » sur une clé), ou faites au moins une copie (« backup »).
error-already-asked = Une autre demande de cette personne attend déjà sa réponse sur cet ordinateur
hint-already-asked = Refaites la même demande (même invitation, même nom, même ordinateur), ou attendez la réponse. Avec une autre invitation : commencez dans un autre dossier (--home).

# Le relais : l'ordinateur d'un collègue porte ce qu'il ne peut pas lire.

relay-address = Adresse à taper sur l'autre ordinateur : { $address }
relay-words = Mots à lire à voix haute : { $words }
relay-folder = Les fichiers sont dans { $folder } ; on peut aussi les copier sur une clé.
relay-open = Cet ordinateur attend les collègues. Ctrl-C pour arrêter : rien de ce qui est pris n'est perdu.
relay-met = Un collègue a remis { $taken } fichiers ({ $had } étaient déjà là) et repris { $handed_back } réponses.
relay-cut = La remise s'est arrêtée : { $reason }
relay-dropped = { $count } réponses trop anciennes ou de trop effacées ici. Leurs collègues en recevront d'autres quand ils enverront de nouveau.
relay-wrong-words = Quelqu'un a donné de mauvais mots. Essais qui restent : { $left }
relay-closed = Fin : { $taken } fichiers pris, { $handed_back } réponses remises. Avec le réseau, « sync » les porte au siège.
relay-carries-nothing = Cet ordinateur ne porte rien pour d'autres.
relay-carries-up = Pour le siège : { $parts } fichiers, { $bytes } octets. « sync » les y porte.
relay-carries-replies = Réponses du siège pour des collègues : { $parts } fichiers, { $seats } personnes
relay-handing-over = Remise
relay-handed-over = Remis à ce collègue : { $deltas } envois en { $parts } fichiers ({ $already } y étaient déjà)
relay-replies = Réponses du siège prises chez lui : { $parts }
relay-reply-left = { $count } réponses laissées chez lui : { $reason }
relay-not-delivered = Rien n'est effacé ici : le travail compte comme reçu quand la réponse du siège revient.
relay-so-far = Remis avant l'arrêt : { $parts } fichiers ; réponses prises : { $replies }
ask-relay-words = Les mots que votre collègue lit :
sync-carrying = Envois des collègues
sync-carrying-stopped = Les envois des collègues se sont arrêtés ({ $reason }). Encore à porter : { $left }
sync-carried = Porté au siège pour des collègues : { $parts } fichiers ; réponses à leur remettre : { $replies }
sync-carried-refused = Pas accepté par le siège, gardé ici : { $count } fichiers de collègues
sync-carried-left = Encore à porter au siège : { $count } fichiers de collègues
error-relay-none = aucun ordinateur ne répond à { $address } ({ $reason })
error-relay-not-one = ce qui répond à cette adresse n'est pas un relais de Lakou
error-relay-words = les mots ne sont pas ceux de l'autre ordinateur : rien n'a été remis
error-relay-no-words = il faut les quatre mots que l'autre ordinateur montre
error-relay-garbled = la liaison avec l'autre ordinateur a été dérangée
error-relay-lost = la liaison avec l'autre ordinateur est coupée
error-relay-other-deployment = l'autre ordinateur est d'un autre registre (formation ou réel ?)
error-relay-full = l'autre ordinateur ne peut pas porter davantage
error-relay-trouble = l'autre ordinateur n'a pas pu prendre les fichiers
error-relay-listen = impossible d'attendre des collègues à { $address } ({ $reason })
error-relay-guessed = { $tries } fois de mauvais mots : quelqu'un essaie peut-être de les deviner. Le relais est arrêté, rien n'a été remis avec eux.
hint-relay-address = Les deux ordinateurs doivent être dans le même réseau. Vérifiez l'adresse que l'autre montre, et que « relay serve » y tourne.
hint-relay-words = Demandez les mots à votre collègue et tapez-les : --words "un deux trois quatre".
hint-relay-again = Recommencez : ce qui est déjà remis ne part pas deux fois. Rien n'est perdu.
hint-relay-full = Remettez votre travail à quelqu'un d'autre, ou sur une clé (« bundle export »). Rien n'est perdu.
hint-relay-listen = Choisissez un autre port avec --listen.
hint-relay-guessed = Relancez « relay serve » pour de nouveaux mots, et ne les lisez qu'à votre collègue.
