//! The other commands: what is said when all is well, and when it is not.

mod support;

use collector_core::HttpAnswer;
use insta::assert_snapshot;
use support::{DeadEnd, NOW, TestHome, household_workbook, workbook};

const HOUSEHOLD: &str = r#"{"department": "HT01", "commune": "HT0111", "consent": "no"}"#;

fn with_one_household() -> TestHome {
    let home = TestHome::enrolled();
    let file = home.file("one.json", HOUSEHOLD);
    let ran = home.run(&["interview", "household", "--answers", &file, "--finalise"]);
    assert_eq!(ran.code, 0, "{ran}");
    home
}

#[test]
fn help_is_in_french_and_in_english_when_asked() {
    let home = TestHome::empty();
    assert_snapshot!(home.run(&["--help"]), @"
    Fait les entretiens des ménages sans réseau, et envoie le travail au siège plus
    tard.

    Utilisation : collector [OPTIONS] <COMMAND>

    Commandes :
      init        Inscrit la première personne de cet ordinateur avec une invitation
                  du siège. Il faut le réseau une fois, ou une clé qui va au siège
                  et revient : --request, puis --answer.
      user        Les personnes qui travaillent sur cet ordinateur
      form        Les formulaires de cet ordinateur, et le contrôle d'un nouveau
      interview   Fait un entretien : question par question, ou d'après un fichier
                  de réponses. Chaque réponse est gardée aussitôt.
      record      Les fiches de cet ordinateur
      status      Ce qui attend d'être envoyé, depuis quand et pourquoi ; et ce
                  qu'il faut regarder
      sync        Envoie au siège ce qui attend, et reçoit ce qui est nouveau. Ce
                  qui est déjà envoyé le reste.
      bundle      Envoie et reçoit sans réseau : par clé USB, courrier ou messagerie
      relay       Remet le travail à un collègue qui aura le réseau plus tôt, ou
                  porte le sien. Qui porte ne peut pas le lire.
      doctor      Examine tout ce qui est gardé sur cet ordinateur
      backup      Fait une copie des données dans un nouveau dossier, et la relit.
                  Elle s'ouvre avec les mêmes phrases secrètes.
      state-hash  Une empreinte des fiches gardées ici : deux ordinateurs qui ont
                  les mêmes ont la même

    Options :
      -V, --version                 Montre la version
          --home <DIR>              Dossier des données (ou LAKOU_HOME ; sinon le
                                    dossier habituel de cet ordinateur)
          --user <NAME>             Qui travaille (ou LAKOU_USER) ; inutile quand
                                    une seule personne travaille sur cet ordinateur
          --passphrase-file <FILE>  Fichier dont la première ligne est la phrase
                                    secrète (ou LAKOU_PASSPHRASE)
          --lang <LANGUAGE>         Langue de ce qui s'affiche : fr, ht ou en (ou
                                    LAKOU_LANG)
          --json                    Écrit le résultat en une ligne de JSON
      -h, --help                    Montre cette aide
    [exit 0]
    ");
    assert_snapshot!(home.run(&["interview", "--help"]), @"
    Fait un entretien : question par question, ou d'après un fichier de réponses.
    Chaque réponse est gardée aussitôt.

    Utilisation : collector interview [OPTIONS] <FORM>

    À donner :
      <FORM>  Le formulaire, par son nom court comme household

    Options :
          --answers <FILE.json>
              Réponses écrites d'avance : un objet JSON par chemin de question, une
              liste, ou un par ligne ; - lit l'entrée
          --record <RECORD>
              Continuer ou corriger cette fiche : numéro, identifiant ou son début,
              ou place dans « record list »
          --finalise
              Terminer chaque entretien du fichier, ce qui donne un numéro au ménage
          --batch
              Beaucoup de ménages d'un coup : ce qui ne peut pas être terminé est
              laissé de côté et nommé
          --visit-date <YYYY-MM-DD>
              Date de la visite, quand ce n'est pas aujourd'hui
          --home <DIR>
              Dossier des données (ou LAKOU_HOME ; sinon le dossier habituel de cet
              ordinateur)
          --user <NAME>
              Qui travaille (ou LAKOU_USER) ; inutile quand une seule personne
              travaille sur cet ordinateur
          --passphrase-file <FILE>
              Fichier dont la première ligne est la phrase secrète (ou
              LAKOU_PASSPHRASE)
          --lang <LANGUAGE>
              Langue de ce qui s'affiche : fr, ht ou en (ou LAKOU_LANG)
          --json
              Écrit le résultat en une ligne de JSON
      -h, --help
              Montre cette aide
    [exit 0]
    ");
    assert_snapshot!(home.run(&["record", "--help", "--lang", "en"]), @"
    The records on this computer

    Usage: collector record [OPTIONS] <COMMAND>

    Commands:
      list           Lists records, the latest changed first
      show           Shows a record: its answers, who gave them, and what a person
                     should look at
      set            Answers questions of a record, and keeps the answers as a visit
                     of today
      add-member     Adds a member to a household
      remove-member  Removes a member from a household, with the reason. What was
                     said stays in the history
      finalise       Declares an interview finished: checks every rule, gives the
                     household its number and its slip
      withdraw       Withdraws a record, with the reason. What it says stays in the
                     history
      history        Shows how a record came to what it says: who wrote what, when,
                     and how far it has come
      prove          Has head office prove that its log holds every sending about a
                     record, and checks the proof here. Needs the network

    Options:
          --home <DIR>              Folder of the store (or LAKOU_HOME; else this
                                    system's folder for data)
          --user <NAME>             Who works (or LAKOU_USER); not needed when only
                                    one person works on this computer
          --passphrase-file <FILE>  File whose first line is the passphrase (or
                                    LAKOU_PASSPHRASE holds it)
          --lang <LANGUAGE>         Language of what is shown: fr, ht or en (or
                                    LAKOU_LANG)
          --json                    Write the result as one line of JSON
      -h, --help                    Print help
    [exit 0]
    ");
}

#[test]
fn a_command_line_that_is_not_understood_says_what_is_missing() {
    let home = TestHome::empty();
    assert_snapshot!(home.run(&["records"]), @"
    [stderr]
    Erreur : records n'est pas une commande.
    À faire : collector --help montre les commandes.
    [exit 2]
    ");
    assert_snapshot!(home.run(&["interview", "household", "--anwsers", "x"]), @"
    [stderr]
    Erreur : --anwsers n'est pas connu.
    À faire : collector --help montre les commandes.
    [exit 2]
    ");
    assert_snapshot!(home.run(&["record", "withdraw", "1"]), @"
    [stderr]
    Erreur : Il manque : --reason <TEXT>
    À faire : collector --help montre les commandes.
    [exit 2]
    ");
    assert_snapshot!(home.run(&["interview", "household", "--visit-date", "hier"]), @"
    [stderr]
    Erreur : hier ne convient pas pour --visit-date <YYYY-MM-DD> (attendu : YYYY-MM-DD).
    À faire : collector --help montre les commandes.
    [exit 2]
    ");
    assert_snapshot!(home.run(&["interview", "household", "--finalise", "--lang", "en"]), @"
    [stderr]
    Error: Missing: --answers <FILE.json>
    What to do: collector --help shows the commands.
    [exit 2]
    ");
}

#[test]
fn a_home_without_a_store_or_the_wrong_person_is_said_plainly() {
    let empty = TestHome::empty();
    assert_snapshot!(empty.run(&["status"]), @"
    [stderr]
    Erreur : Personne n'est encore inscrit dans [folder]/home.
    À faire : Commencez par : collector init
    [exit 10]
    ");
    let home = TestHome::enrolled();
    assert_snapshot!(home.run(&["status", "--user", "paul"]), @"
    [stderr]
    Erreur : Personne de ce nom ne travaille sur cet ordinateur.
    À faire : collector user list montre les noms.
    [exit 10]
    ");
    assert_snapshot!(home.run(&["user", "list"]), @"
    marie
    [exit 0]
    ");
}

#[test]
fn a_wrong_passphrase_has_its_own_exit_code_in_words_and_in_json() {
    let mut home = TestHome::enrolled();
    home.variables = vec![("LAKOU_PASSPHRASE", "une autre phrase".to_owned())];
    assert_snapshot!(home.run(&["status"]), @"
    [stderr]
    Erreur : La phrase secrète n'est pas la bonne.
    À faire : Essayez encore. Le siège peut ouvrir les données d'une personne qui a oublié sa phrase.
    [exit 3]
    ");
    assert_snapshot!(home.run(&["status", "--json", "--lang", "en"]), @r#"
    [stderr]
    {"error":{"kind":"wrong_passphrase","exit_code":3,"message":"The passphrase is not right.","hint":"Try again. Head office can open the data of a person who forgot the passphrase.","details":[]}}
    [exit 3]
    "#);
    home.variables.clear();
    assert_snapshot!(home.run(&["status"]), @"
    [stderr]
    Erreur : Il faut la phrase secrète, et personne n'est là pour la taper.
    À faire : Donnez --passphrase-file, ou LAKOU_PASSPHRASE.
    [exit 2]
    ");
    assert_eq!(home.type_secrets(&["status"], &[support::PASSPHRASE]).code, 0);
    let file = home.file("passphrase", format!("{}\n", support::PASSPHRASE));
    assert_eq!(home.run(&["status", "--passphrase-file", &file]).code, 0);
}

#[test]
fn status_says_what_waits_since_when_and_why() {
    let home = with_one_household();
    home.set_clock(NOW + 3 * 24 * 3600 * 1000);
    assert_snapshot!(home.run(&["status"]), @"
    marie, sur Portable 1
    Fiches : 1 (en cours 0, entretiens terminés 1)
    À envoyer : 2 envois sur 1 fiches ; réponses pas encore signées : 0
    Le plus ancien attend depuis 3 jours.
    Aucun échange avec le siège pour le moment.
    [stderr]
    Attention : votre travail n'est que sur cet ordinateur depuis 3 jours. Envoyez-le dès que possible.
    [exit 0]
    ");
    assert_snapshot!(TestHome::enrolled().run(&["status"]), @"
    marie, sur Portable 1
    Fiches : 0 (en cours 0, entretiens terminés 0)
    Rien à envoyer.
    Aucun échange avec le siège pour le moment.
    [exit 0]
    ");
}

#[test]
fn work_that_waits_is_said_louder_each_day_and_nothing_is_said_of_none() {
    let home = with_one_household();
    let said = |days: i64| {
        home.set_clock(NOW + days * 24 * 3600 * 1000);
        home.run(&["record", "list"]).err
    };
    assert_eq!(said(0), "");
    assert!(said(1).starts_with("Votre travail attend d'être envoyé depuis un jour"), "{}", said(1));
    assert!(said(4).starts_with("Attention") && said(4).contains("4 jours"), "{}", said(4));
    assert!(said(9).starts_with("URGENT") && said(9).contains("bundle export"), "{}", said(9));
    // A clock that went back frightens nobody.
    assert_eq!(said(-400), "");
    let fresh = TestHome::enrolled();
    fresh.set_clock(NOW + 30 * 24 * 3600 * 1000);
    assert_eq!(fresh.run(&["record", "list"]).err, "");
}

#[test]
fn training_is_announced_by_every_command() {
    let home = TestHome::training();
    let ran = home.run(&["status"]);
    assert!(ran.err.starts_with("*** FORMATION"), "{ran}");
    assert_eq!(home.run(&["status", "--json"]).json()["training"], true);
}

#[test]
fn a_broken_line_a_captive_portal_and_a_refusal_are_told_apart() {
    let mut home = with_one_household();
    assert_snapshot!(home.run(&["sync"]), @"
    [stderr]
      Rien n'est perdu. Encore à envoyer : 2
    Erreur : Pas de connexion avec le siège (nobody there).
    À faire : Rien n'est perdu. Essayez encore quand il y a du réseau.
    [exit 4]
    ");
    let portal = HttpAnswer { status: 200, body: b"<html>Bienvenue</html>".to_vec() };
    home.road = DeadEnd(Ok(portal));
    assert_snapshot!(home.run(&["sync"]), @"
    [stderr]
      Rien n'est perdu. Encore à envoyer : 2
    Erreur : Autre chose que le serveur a répondu : souvent la page d'accueil d'un Wi-Fi.
    À faire : Ouvrez une page dans le navigateur, entrez dans le Wi-Fi, et recommencez. Rien n'est perdu.
    [exit 4]
    ");
    let refusal = HttpAnswer { status: 403, body: br#"{"code":"seat_revoked"}"#.to_vec() };
    home.road = DeadEnd(Ok(refusal));
    assert_snapshot!(home.run(&["sync"]), @"
    [stderr]
      Rien n'est perdu. Encore à envoyer : 2
    Erreur : Le siège n'a pas accepté la demande (votre autorisation est retirée ; votre travail est encore pris).
    À faire : Rien n'est perdu. Appelez le siège et dites ce message.
    [exit 5]
    ");
    let status = home.run(&["status", "--json"]).json();
    assert_eq!(status["to_send"]["records"], 1);
}

#[test]
fn an_enrolment_that_fails_leaves_nothing_done() {
    let home = TestHome::empty();
    let code = "LAKOU1.AEAQCAIBAEAQCAIBAEAQCAIBAE";
    let args = ["init", "--server", "http://127.0.0.1:1", "--person", "Marie", "--device", "P1", "--code"];
    assert_snapshot!(home.run(&[&args[..], &[code]].concat()), @"
    [stderr]
    Erreur : Ce n'est pas un code d'invitation : un caractère manque ou est faux.
    À faire : Recopiez le code en entier ; les espaces et les tirets ne comptent pas.
    [exit 2]
    ");
    let mut plain = args;
    plain[2] = "http://registre.ht";
    assert_snapshot!(home.run(&[&plain[..], &[code]].concat()), @"
    [stderr]
    Erreur : http://registre.ht n'est pas protégé : hors de cet ordinateur il faut https://
    À faire : Une adresse est comme https://registre.exemple.ht
    [exit 2]
    ");
}

#[test]
fn a_clock_that_went_back_warns_and_never_blocks() {
    let home = with_one_household();
    let in_2010 = 1_262_304_000_000;
    home.set_clock(NOW);
    assert_eq!(home.run(&["sync"]).code, 4);
    home.set_clock(in_2010);
    let file = home.file("two.json", HOUSEHOLD);
    let ran = home.run(&["interview", "household", "--answers", &file, "--finalise"]);
    assert_snapshot!(ran.err, @"
    L'horloge de cet ordinateur dit 31/12/2009 19:00, mais le dernier moment connu est 21/11/2026 23:10 : elle est revenue en arrière.
    Personne ne peut confirmer la date : le travail continue avec l'heure de l'ordinateur. Donnez --visit-date si elle est fausse.
    ");
    assert_eq!(ran.code, 0);
    let dated = ["interview", "household", "--answers", &file, "--finalise", "--visit-date", "2026-11-20"];
    let ran = home.run(&dated);
    assert_eq!(ran.err, "");
    assert!(ran.out.contains("Visite du 20/11/2026"), "{ran}");
}

#[test]
fn a_person_names_the_right_date_when_the_clock_is_wrong() {
    let home = with_one_household();
    home.set_clock(NOW - 40 * 24 * 3600 * 1000);
    let typed = ["peut-être", "22/11/2026", "", ":q"];
    let ran = home.type_in(&["interview", "household"], &typed);
    assert_snapshot!(ran.err, @"
    L'horloge de cet ordinateur dit 13/10/2026 00:10, mais le dernier moment connu est 21/11/2026 23:10 : elle est revenue en arrière.
    Lieu de travail : HT01. Fuseau horaire : America/Port-au-Prince.
    Sommes-nous bien le 13/10/2026 00:10, et en ce lieu ? (o = oui, ou la bonne date, jour/mois/année) peut-être
    Tapez o, ou une date comme 21/11/2026.
    Sommes-nous bien le 13/10/2026 00:10, et en ce lieu ? (o = oui, ou la bonne date, jour/mois/année) 22/11/2026
    Entrée = garder et continuer · < = question d'avant · - = effacer · ? = aide · :q = arrêter, tout est gardé

    Date de la visite *
    maintenant : 2026-11-22
    > 

    Département *
       1. Ouest
       2. Sud-Est
    > :q
    Tout est gardé. Pour continuer : collector interview household --record JQHAOGBS
    ");
    // The list goes by the machine's clock, by which the first household is the later one.
    let shown = home.run(&["record", "show", "2", "--json"]).json();
    assert_eq!(shown["visit"]["at"], "2026-11-22T17:00:00.000Z");
}

#[test]
fn the_same_records_have_the_same_fingerprint_in_a_copy() {
    let home = with_one_household();
    let hash = home.run(&["state-hash"]);
    let other = home.run(&["state-hash", "--area", "HT02", "--json"]).json();
    assert_eq!(other["records"], 0);
    let copy = home.folder().join("copie");
    let copy = copy.to_str().unwrap();
    assert_eq!(home.run(&["backup", copy]).code, 0);
    assert_eq!(home.run(&["backup", copy]).code, 2);
    let copied = home.run(&["--home", copy, "state-hash"]);
    assert_eq!((hash.code, &hash.out), (0, &copied.out));
}

#[test]
fn the_examination_says_that_all_is_in_order() {
    let home = with_one_household();
    assert_snapshot!(home.run(&["doctor"]), @"
    Version des données : 3
    Envois vérifiés : 2
    Réponses pas encore signées : 0
    Tout est en ordre.
    [exit 0]
    ");
}

#[test]
fn a_database_that_is_none_or_is_gone_is_damaged_or_missing() {
    let home = TestHome::enrolled();
    let database = home.folder().join("store.db");
    let whole = std::fs::read(&database).unwrap();
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(home.folder().join(format!("store.db{suffix}")));
    }
    std::fs::write(&database, vec![b'x'; whole.len()]).unwrap();
    assert_eq!(home.run(&["status"]).code, 7);
    std::fs::remove_file(&database).unwrap();
    assert_eq!(home.run(&["status"]).code, 10);
}

#[test]
fn forms_are_listed_shown_and_checked() {
    let home = TestHome::enrolled();
    assert_snapshot!(home.run(&["form", "list"]), @"
    household  Ménage  c97bda37  en service
    [exit 0]
    ");
    assert_snapshot!(home.run(&["form", "show", "household"]), @"
    Ménage (household, 1)
    visit_date [date] *  Date de la visite
    department [select_one] *  Département
    commune [select_one] *  Commune
    consent [select_one] *  Acceptez-vous ?
    household [group]  Ménage
      head_name [text] *  Nom du chef
      assets [select_multiple]  Biens de ${head_name}
      roster [repeat]  Membre
        roster[n]/given_name [text] *  Prénom
        roster[n]/age [integer] *  Âge de ${given_name}
      members [calculate]
    [exit 0]
    ");
    assert_snapshot!(home.run(&["form", "show", "marche"]), @"
    [stderr]
    Erreur : Le formulaire marche n'est pas encore sur cet ordinateur.
    À faire : Faites : collector sync
    [exit 10]
    ");
    let good = home.file("good.xlsx", household_workbook());
    assert_eq!(home.run(&["form", "check", &good]).code, 0);
    let bad = workbook(&[
        ("survey", "type | name | label\ntxet | a | A\ninteger | b | B\n"),
        ("settings", "form_id | form_title\nx | X\n"),
    ]);
    let bad = home.file("bad.xlsx", bad);
    assert_snapshot!(home.run(&["form", "check", &bad]), @r#"
    erreur : feuille "survey" ligne 2 colonne "type" : Vouliez-vous écrire text ? (trouvé : "txet" ; attendu : un type de question de XLSForm)
    [stderr]
    Erreur : Le formulaire ne peut pas servir. Erreurs : 1
    [exit 1]
    "#);
    assert_eq!(home.run(&["form", "check", &bad, "--json"]).json()["usable"], false);
    let truncated = &household_workbook()[..500];
    let truncated = home.file("half.xlsx", truncated);
    assert_eq!(home.run(&["form", "check", &truncated]).code, 1);
}

#[test]
fn a_record_that_is_not_there_is_said_so() {
    let home = with_one_household();
    assert_snapshot!(home.run(&["record", "show", "7"]), @"
    [stderr]
    Erreur : Il n'y a pas de fiche nº 7 dans la liste.
    À faire : collector record list montre les fiches.
    [exit 10]
    ");
    assert_snapshot!(home.run(&["record", "show", "HT-99"]), @"
    [stderr]
    Erreur : Aucune fiche n'a ce numéro.
    À faire : collector record list montre les fiches.
    [exit 10]
    ");
}
