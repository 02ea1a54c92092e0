# Ce que le serveur dit, en français. Les mots de terrain sont ceux du glossaire : un mot par chose, partout le même.
# Chaque message existe aussi en anglais (en.ftl) ; ce que le créole (ht.ftl) n'a pas encore est dit en français.

training-banner = FORMATION : serveur d'exercice. Rien de ce qui est ici n'entre au registre.

pair = { $name } : { $value }
error = Erreur : { $message }
error-detail = Détail : { $detail }
error-hint = À faire : { $hint }

# --- init
init-done = Serveur créé dans { $path }.
init-deployment = Déploiement : { $deployment }
init-fingerprint = Empreinte de la clé du registre, à lire à voix haute à qui inscrit un ordinateur : { $fingerprint }
init-recovery =
    ATTENTION : { $path } contient l'identité de secours. Elle ouvre les données des ordinateurs dont la phrase secrète est perdue.
    Copiez ce fichier sur deux supports, mettez-les dans un coffre, puis SUPPRIMEZ-LE d'ici.
recovery-file-word =
    Identité de secours du déploiement { $deployment }.
    À garder dans un coffre, hors du serveur. Qui la détient peut ouvrir les données des ordinateurs.
prefix-unfit = Le préfixe des numéros d'enregistrement est fait de deux lettres majuscules.

# --- le dossier du serveur
home-not-founded = Ce dossier ne contient pas de serveur.
home-founded = Ce dossier contient déjà un serveur.
home-occupied = Le dossier { $path } n'est pas vide.
home-served = Un autre serveur utilise déjà { $path }.
home-rebuilding = Quelqu'un reconstruit ce registre en ce moment.
home-in-use = Un serveur ou une autre commande utilise ce dossier.
path-nameless = { $path } ne nomme pas un dossier ou un fichier.
keys-unusable = Le fichier de clés { $path } n'est pas utilisable.
keys-other = Ces clés ne sont pas celles de ce déploiement.
file-unusable = Impossible de lire ou d'écrire { $path }.
file-content = Le contenu de { $path } n'est pas utilisable.
file-exists = { $path } existe déjà ; rien n'a été écrit.
merge-unavailable = Rien ne peut être intégré maintenant. Ce qui a été reçu est gardé.
hint-merge-unavailable = Le programme n'a pas pu se lancer une seconde fois : regardez la mémoire libre et les limites de processus, puis recommencez.
store-busy = Un autre programme écrit dans la base.
store-failed = La base n'a pas pu faire ce qui était demandé ; rien n'a été changé.
disk-full = Le disque est plein. Ce qui a été confirmé est sauf ; rien d'autre n'a été écrit.
database-unreadable = La base ne peut pas être lue : ce n'est pas une base de Lakou, ou elle est chiffrée.
registry-damaged = Le registre est endommagé.
schema-too-new = Cette base a été écrite par une version plus récente du programme.

hint-init = Créez-le avec « sync-server init », ou nommez-le avec --home.
hint-other-copy = Nommez un dossier vide ou nouveau pour la copie.
hint-other-home = Choisissez un autre dossier avec --home.
hint-keys = Remettez dans le dossier le fichier keys.json de ce déploiement, gardé à part des sauvegardes.
hint-one-server = Un seul serveur sert un dossier. Les autres commandes peuvent s'en servir en même temps.
hint-stop-server = Arrêtez le serveur, puis recommencez.
hint-again = Recommencez dans un instant.
hint-disk = Libérez de la place, puis recommencez.
hint-backup = Gardez ce dossier tel quel et restaurez la dernière sauvegarde dans un autre.
hint-upgrade = Installez la version la plus récente de sync-server.
hint-verify = Lancez « sync-server verify » : il nomme chaque défaut.

# --- serve
listen-refused = { $address } n'est pas une adresse locale, et ce serveur ne parle pas encore TLS lui-même.
hint-listen = Placez devant lui un proxy TLS et dites --behind-tls-proxy. TLS intégré viendra avec la synchronisation complète.
serve-failed = Impossible de servir sur { $address }.
hint-port = L'adresse est-elle déjà prise ? Choisissez un autre port, ou 0 pour un port libre.

# --- device
invite-valid = Ce code sert une seule fois, jusqu'au { $until }. Il est secret.
invited-many =
    { $count ->
        [one] Une invitation écrite dans { $path }.
       *[other] { $count } invitations écrites dans { $path }.
    }
codes-are-secret = Ces codes sont secrets : remettez chacun à sa personne, puis supprimez le fichier.
area-unlisted = Aucun formulaire publié ne connaît encore la zone { $area }.
invitations-open =
    { $count ->
        [0] Aucune invitation en attente.
        [one] Une invitation attend.
       *[other] Invitations en attente : { $count }.
    }
seat-ended = Le poste { $seat } est révoqué. Ce qu'il enverra encore sera mis de côté, rien n'est perdu.
seat-unknown = Aucun poste { $seat } ici.
seat-state-active = Actif
seat-state-revoked = Révoqué
seat-revoked = Le poste { $seat } est déjà révoqué.
certificate-expired = Le certificat du poste { $seat } a expiré.
code-unusable = Ce code d'inscription ne peut pas servir.
enrolment-refused = La demande d'inscription est refusée.
request-refused = La demande est refusée.
hint-device-list = « sync-server device list » montre les postes.
hint-invite = Faites-en un nouveau avec « sync-server device invite ».

# --- form
form-published = Formulaire « { $lineage } » publié, révision { $revision }.
form-refused = Le formulaire ne peut pas être publié.
pack-refused = Le fichier { $file } du pack n'est pas utilisable.
pack-missing = Il n'y a pas de dossier { $path }.
hint-form = Corrigez le classeur aux lignes nommées, puis publiez-le de nouveau.

# --- review
kind-conflict = Deux réponses différentes
kind-removed-and-edited = Membre retiré et modifié
kind-rule-break = Incohérence
item-open = À examiner
item-decided = Décidé
item-superseded = Réglé par une réponse plus récente
review-open =
    { $open ->
        [0] Rien à examiner.
        [one] Un point à examiner.
       *[other] Points à examiner : { $open }.
    }
item-about = Ménage : { $household } · { $record } · { $area }
alternative-origin = { $enumerator } · { $device } · visite { $visit } · reçu { $received }
item-how-conflict = Décider : review decide … --choose N, ou --write question=valeur
item-how-removed = Décider : review decide … --keep (il reste retiré) ou --restore (il appartient au ménage)
item-how-rule = Décider : review decide … --keep (c'est vrai ainsi) ou --write question=valeur
review-forks =
    { $open ->
        [0] Aucun ordinateur copié ou restauré n'attend de décision.
        [one] Un ordinateur copié ou restauré attend une décision.
       *[other] Ordinateurs copiés ou restaurés qui attendent une décision : { $open }.
    }
fork-how = Décider : review fork BRANCHE --reason … --account … La branche nommée reste ; l'autre est réécrite par son ordinateur. Nommez celle de l'ordinateur qui n'existe plus.
fork-decided = Décidé : la branche { $branch } reste.
fork-decided-now = Décidé : la branche { $branch } reste, elle est intégrée. Le reste sera réécrit par son ordinateur à sa prochaine synchronisation.
branch-unknown = Aucune branche { $branch }.
fork-none = Cette époque n'a pas deux branches.
fork-decided-before = Ce cas est déjà décidé.
item-settled-now =
    { $open ->
        [0] Décidé : { $item }. Plus rien à examiner dans cette fiche.
        [one] Décidé : { $item }. Il reste un point à examiner dans cette fiche.
       *[other] Décidé : { $item }. Points à examiner dans cette fiche : { $open }.
    }
item-unknown = Aucun point à examiner { $item }.
item-settled = Le point { $item } est déjà réglé.
resolution-unfit = Cette décision ne convient pas à ce point.
answer-unfit = La valeur donnée pour { $path } ne convient pas.
value-yes = oui
value-no = non
value-cleared = (effacé)
value-not-removed = (pas retiré)
marker-order = Place dans la liste
marker-person = Identité permanente
marker-removed = Retiré de la liste
marker-number = Numéro d'enregistrement
hint-review-list = « sync-server review list » montre les points à examiner.
hint-decide = « sync-server review show » dit comment ce point se décide.

# --- record
record-draft = En cours
record-finalised = Entretien terminé
record-withdrawn = Retiré
record-about = Dossier { $record } · { $number } · { $status }
record-place = { $area } · visite { $visit }
record-household = Ménage : { $label }
record-person = Membre : { $label } ({ $person })
record-unknown = Aucune fiche { $record } au registre.
hint-record-list = « sync-server record list » montre les fiches.
outcome-none = Pas encore traité
outcome-merged = Inscrit au registre
outcome-held = Attend un envoi précédent
outcome-quarantined = Mis de côté, rien n'est perdu
outcome-forked = Ordinateur copié ou restauré

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
delta-change = Réponses
delta-finalise = Entretien terminé
delta-withdraw = Dossier retiré
delta-statement = Déclaration
delta-decision = Décision
delta-certificate = Certificat
delta-revocation = Révocation
delta-epoch = Début de chaîne
delta-placement = Déplacement
delta-publication = Publication
delta-baseline = Nouveau départ
delta-outcome = Suite donnée
delta-attachment = Pièce jointe
delta-lease = Coupons réservés à cet ordinateur
delta-claim = Coupon utilisé
delta-redaction = Effacement
delta-branch = Décision sur un ordinateur copié
delta-restoration = Reprise d'une sauvegarde
prefix-short = « { $text } » est trop court : donnez au moins { $chars } caractères.
prefix-ambiguous = « { $text } » convient à plusieurs ; donnez plus de caractères.
list-more = La liste continue ; --limit en montre plus.

# --- titres de colonnes
heading-seat = Poste
heading-person = Personne
heading-device = Ordinateur
heading-role = Rôle
heading-last-seen = Vu le
heading-status = État
heading-lineage = Formulaire
heading-title = Titre
heading-version = Version
heading-revision = Révision
heading-item = Point
heading-kind = Genre
heading-subject = Sujet
heading-record = Dossier
heading-number = Numéro
heading-area = Zone
heading-visit = Visite
heading-index = N°
heading-branch = Branche
heading-deltas = Envois
heading-merged = Intégrés
heading-records = Fiches
heading-first-received = Premier reçu
heading-last-received = Dernier reçu
heading-reason = Raison
heading-enumerator = Personne
heading-received = Reçu au siège
heading-what = Acte
heading-claimed = Heure de l'ordinateur
heading-outcome = Suite
role-enumerator = Enquêteur
role-team-leader = Chef d'équipe
role-supervisor = Superviseur central
role-server = Serveur

# --- status
status-deployment = Déploiement : { $deployment }
status-fingerprint = Empreinte de la clé du registre : { $fingerprint }
status-served = Le serveur fonctionne.
status-not-served = Le serveur est arrêté.
status-log = Journal : { $entries } actes signés, { $merged } traités
status-registry = Registre : { $households } ménage(s), { $persons } personne(s)
status-seats = Postes : { $active } actifs, { $revoked } révoqués
status-review = Points à examiner : { $open }
status-set-aside = Actes non inscrits : { $count }

# --- verify, head, rebuild, state-hash
verify-ok =
    { $entries ->
        [one] Tout tient : un acte vérifié, racine { $root }
       *[other] Tout tient : { $entries } actes vérifiés, racine { $root }
    }
verify-faults =
    { $count ->
        [one] Un défaut trouvé.
       *[other] Défauts trouvés : { $count }.
    }
fault = Défaut : { $what }
fault-at = Défaut à l'acte { $index } : { $what }
head-now =
    { $entries ->
        [one] Un acte dans le journal, racine { $root }, le { $at }
       *[other] { $entries } actes dans le journal, racine { $root }, le { $at }
    }
head-written = Signé et écrit dans { $path } : gardez-le hors de cette machine.
rebuilt = Reconstruit à partir de { $entries } actes ; empreinte { $hash }
rebuilt-differs = Les tables avaient été altérées : l'empreinte était { $before }. Elles sont justes maintenant.
state-records = Empreinte des fiches ({ $records }) : { $hash }
state-registry = Empreinte du registre : { $hash }
merge-behind =
    { $count ->
        [one] Un acte reçu n'est pas encore traité.
       *[other] Actes reçus pas encore traités : { $count }.
    }

# --- backup, restore
backup-done = Sauvegarde écrite dans { $path } : { $entries } actes.
backup-keys = Les clés n'y sont pas : gardez une copie de { $path } ailleurs, dans un coffre. L'une sans l'autre ne restaure rien.
restore-done = Restauré dans { $path } et vérifié : { $entries } actes. Les ordinateurs portables renverront ce qui manque. Avant de démarrer, publiez de nouveau les formulaires parus depuis.
restore-keys = Il manque le fichier de clés { $path }.
restore-other = La base n'est pas, octet pour octet, celle que la sauvegarde décrit.
restore-altered = Des lignes du registre ont été changées dans la sauvegarde : elles ne suivent pas du journal signé.
hint-restore-keys = Nommez la copie de keys.json avec --keys.
hint-not-a-backup = Nommez le dossier que « sync-server backup » a écrit.

bundle-no-parts = Aucun fichier de Lakou ici ({ $others } autres fichiers laissés de côté)
hint-no-parts = Donnez les fichiers « .lakou » eux-mêmes, ou le dossier où ils sont.
bundle-taken = { $deltas } envois reçus et gardés, dont { $refused } refusés (les accusés de réception disent pourquoi)
bundle-written = { $files } fichiers écrits et relus. Vous pouvez retirer la clé.
bundle-no-reply = Sans réponse, les portables ne savent pas que leur travail est reçu : ajoutez --reply DOSSIER et rapportez-leur ce qui y est écrit.
bundle-part-refused = { $file } : { $reason }
bundle-part-unread = { $file } : { $items } éléments illisibles, laissés de côté. Le portable garde ce qui n'a pas d'accusé de réception et l'enverra de nouveau.
bundle-not-one = ce n'est pas un fichier de Lakou
bundle-damaged = fichier abîmé en route
bundle-other-deployment = fichier d'un autre registre (formation ou réel ?)
bundle-sealed = fichier fermé pour quelqu'un d'autre, ou abîmé en route
bundle-signature = fichier qui n'est pas signé par qui il nomme : rien n'en est pris
bundle-for-device = fichier qui va à un portable : il n'apporte rien au registre
hint-bundle = Copiez-le de nouveau là où il a été fait. Rien n'est perdu : le portable garde ce qui n'est pas confirmé.
stick-differs = { $path } : ce qui est relu n'est pas ce qui a été écrit ; prenez une autre clé
not-a-part = { $path } n'est pas un fichier de Lakou
too-many-entries = { $path } contient trop de fichiers
bundle-no-answer = Pas de réponse pour { $seat } : { $reason }
