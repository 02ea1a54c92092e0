//! Interviews from files of answers.

mod support;

use insta::assert_snapshot;
use support::TestHome;

const HOUSEHOLD: &str = r#"{
  "department": "HT01", "commune": "HT0111", "consent": "yes", "head_name": "Marie Pierre", "assets": ["radio", "phone"],
  "roster[1]/given_name": "Marie", "roster[1]/age": 41, "roster[2]/given_name": "Jean", "roster[2]/age": 9
}"#;

/// The same household with one answer more or another one.
fn with(change: &str) -> String {
    HOUSEHOLD.trim_end().trim_end_matches('}').to_owned() + "," + change + "}"
}

#[test]
fn a_household_from_a_file_gets_its_number_and_its_slip() {
    let home = TestHome::enrolled();
    let file = home.file("one.json", HOUSEHOLD);
    assert_snapshot!(home.run(&["interview", "household", "--answers", &file, "--finalise"]), @"
    Entretien terminé. Numéro : HT-00007-000001-S (fiche CSWFO7G3F33NTBQHRNAFJTEYSM)

      Registre d'essai
      Numéro du ménage : HT-00007-000001-S
      Visite du 21/11/2026
      Pour se plaindre, appelez : +509 2811-0000
      Gardez ce papier. Il ne promet aucune aide.
      Rejis esè
      Nimewo fwaye a : HT-00007-000001-S
      Vizit 21/11/2026
      Pou pote plent, rele : +509 2811-0000
      Kenbe papye sa a. Li pa pwomèt okenn èd.
    [exit 0]
    ");
    assert_snapshot!(home.run(&["record", "list"]), @"
    1  HT-00007-000001-S  Marie Pierre  Entretien terminé · À envoyer depuis moins d'une minute
    [exit 0]
    ");
    assert_snapshot!(home.run(&["record", "show", "1"]), @"
    HT-00007-000001-S  Marie Pierre
    Fiche CSWFO7G3F33NTBQHRNAFJTEYSM
    Entretien terminé · À envoyer depuis moins d'une minute
    Lieu : HT0111
    Visite : 21/11/2026
      Date de la visite : 2026-11-21
      Département : Ouest
      Commune : Port-au-Prince
      Acceptez-vous ? : Oui

    Ménage
      Nom du chef : Marie Pierre
      Biens de Marie Pierre : Radio, Téléphone

    Membre 1  [ZUCKI5KETDQG2]
        Prénom : Marie
        Âge de Marie : 41

    Membre 2  [QAC7ALKD7IDOO]
        Prénom : Jean
        Âge de Jean : 9
    [exit 0]
    ");
    assert_snapshot!(home.run(&["record", "history", "1"]), @"
    21/11/2026 23:10  Marie, Portable 1  Réponses, entretien terminé  [À envoyer]
        Numéro du ménage : — -> HT-00007-000001-S
        Biens de Marie Pierre (Téléphone) : — -> oui
        Biens de Marie Pierre (Radio) : — -> oui
        Commune : — -> Port-au-Prince
        Acceptez-vous ? : — -> Oui
        Département : — -> Ouest
        Nom du chef : — -> Marie Pierre
        Âge de Jean [Jean] : — -> 9
        Prénom [Jean] : — -> Jean
        Âge de Marie [Marie] : — -> 41
        Prénom [Marie] : — -> Marie
        Date de la visite : — -> 2026-11-21
    [exit 0]
    ");
}

#[test]
fn an_answer_that_does_not_fit_is_named_with_what_was_expected_and_found() {
    let home = TestHome::enrolled();
    let run = |answers: &str| {
        let file = home.file("bad.json", answers);
        home.run(&["interview", "household", "--answers", &file])
    };
    assert_snapshot!(run(&with(r#""rooms": 3"#)), @"
    [stderr]
      rooms : attendu : une question du formulaire household ; trouvé : rien de ce nom à cet endroit
      Rien n'a été gardé de ce ménage. Ménages enregistrés avant lui : 0
    Erreur : Ménage nº 1 du fichier : une réponse ne convient pas.
    [exit 1]
    ");
    assert_snapshot!(run(&with(r#""roster[2]/age": "neuf""#)), @r#"
    [stderr]
      roster[2]/age : attendu : Donnez un nombre entier, par exemple 12. ; trouvé : "neuf"
      Rien n'a été gardé de ce ménage. Ménages enregistrés avant lui : 0
    Erreur : Ménage nº 1 du fichier : une réponse ne convient pas.
    [exit 1]
    "#);
    assert_snapshot!(run(&with(r#""roster[2]/age": 130"#)), @"
    [stderr]
      roster[2]/age : attendu : 120 ans au plus. ; trouvé : 130
      Rien n'a été gardé de ce ménage. Ménages enregistrés avant lui : 0
    Erreur : Ménage nº 1 du fichier : une réponse ne convient pas.
    [exit 1]
    ");
    assert_snapshot!(run(&with(r#""commune": "HT0211""#)), @"
    [stderr]
      commune : attendu : Choisissez dans la liste. ; trouvé : HT0211
      Rien n'a été gardé de ce ménage. Ménages enregistrés avant lui : 0
    Erreur : Ménage nº 1 du fichier : une réponse ne convient pas.
    [exit 1]
    ");
    assert_snapshot!(run(&with(r#""members": 2"#)), @"
    [stderr]
      members : attendu : une question à laquelle une personne répond ; trouvé : une valeur calculée
      Rien n'a été gardé de ce ménage. Ménages enregistrés avant lui : 0
    Erreur : Ménage nº 1 du fichier : une réponse ne convient pas.
    [exit 1]
    ");
    assert_snapshot!(run(&with(r#""head_name": {"given": "Marie"}"#)), @"
    [stderr]
      head_name : attendu : une valeur simple (une liste seulement pour un choix multiple) ; trouvé : un objet
      Rien n'a été gardé de ce ménage. Ménages enregistrés avant lui : 0
    Erreur : Ménage nº 1 du fichier : une réponse ne convient pas.
    [exit 1]
    ");
    assert_snapshot!(run(&with(r#""assets#tv": true"#)), @"
    [stderr]
      assets#tv : attendu : Choisissez dans la liste. (tv) ; trouvé : true
      Rien n'a été gardé de ce ménage. Ménages enregistrés avant lui : 0
    Erreur : Ménage nº 1 du fichier : une réponse ne convient pas.
    [exit 1]
    ");
    assert_snapshot!(run("{\"department\": \"HT01\",\n"), @"
    [stderr]
    Erreur : Le fichier de réponses n'est pas du JSON d'objets (ligne 2, colonne 0).
    À faire : Un ménage est un objet : un chemin de question, une réponse. Plusieurs : une liste, ou un objet par ligne.
    [exit 1]
    ");
    assert_eq!(home.run(&["record", "list", "--json"]).json()["records"], serde_json::json!([]));
}

#[test]
fn a_file_that_goes_wrong_says_what_was_saved_before() {
    let home = TestHome::enrolled();
    let lines = [HOUSEHOLD, HOUSEHOLD, r#"{"department": "HT99"}"#, HOUSEHOLD].join("\n");
    let ran = home.run_with_input(&["interview", "household", "--answers", "-", "--json"], &lines);
    assert_eq!(ran.code, 1);
    assert_eq!(ran.json()["records"].as_array().unwrap().len(), 2);
    assert!(ran.err.contains("enregistrés avant lui : 2"), "{ran}");
    assert_eq!(home.run(&["record", "list", "--json"]).json()["records"].as_array().unwrap().len(), 2);
}

#[test]
fn many_households_at_once_are_numbered_and_those_to_correct_are_named() {
    let home = TestHome::enrolled();
    let lines = [HOUSEHOLD, r#"{"department": "HT01"}"#, HOUSEHOLD].join("\n");
    let file = home.file("many.jsonl", lines);
    let args = ["interview", "household", "--answers", &file, "--finalise"];
    for batch in [false, true] {
        let ran = home.run(&if batch { [&args[..], &["--batch"]].concat() } else { args.to_vec() });
        assert_eq!(ran.code, 1, "{ran}");
        assert!(ran.err.contains("Ménage nº 2 du fichier, à corriger"), "{ran}");
        assert_eq!(ran.out.matches("HT-00007-").count(), 2, "{ran}");
    }
    let records = home.run(&["record", "list", "--state", "finalised", "--json"]).json();
    assert_eq!(records["records"].as_array().unwrap().len(), 4);
    let with_file = with(r#""roster[1]/@removed": "x""#);
    let one = home.file("one.json", with_file);
    assert_eq!(home.run(&["interview", "household", "--answers", &one, "--finalise", "--batch"]).code, 0);
}

#[test]
fn a_known_record_takes_another_member_and_loses_one() {
    let home = TestHome::enrolled();
    let file = home.file("one.json", HOUSEHOLD);
    assert_eq!(home.run(&["interview", "household", "--answers", &file, "--finalise"]).code, 0);
    let more = r#"{"roster[1]/given_name": "Rose", "roster[1]/age": 2, "head_name": "Marie-Ange Pierre"}"#;
    let more = home.file("more.json", more);
    let ran = home.run(&["interview", "household", "--answers", &more, "--record", "HT-00007", "--finalise"]);
    assert_eq!(ran.code, 0, "{ran}");
    let removed = home.run(&["record", "remove-member", "1", "2", "--reason", "a déménagé", "--json"]);
    assert_eq!(removed.code, 0, "{removed}");
    assert_snapshot!(home.run(&["record", "show", "1"]).out, @"
    HT-00007-000001-S  Marie-Ange Pierre
    Fiche CSWFO7G3F33NTBQHRNAFJTEYSM
    Entretien terminé · Correction en cours
    Lieu : HT0111
    Visite : 21/11/2026
      Date de la visite : 2026-11-21
      Département : Ouest
      Commune : Port-au-Prince
      Acceptez-vous ? : Oui

    Ménage
      Nom du chef : Marie-Ange Pierre
      Biens de Marie-Ange Pierre : Radio, Téléphone

    Membre 1  [ZUCKI5KETDQG2]
        Prénom : Marie
        Âge de Marie : 41

    Membre 2  [TGHJA673WNHXC]
        Prénom : Rose
        Âge de Rose : 2
    ");
}

#[test]
fn a_record_that_comes_whole_keeps_its_members_ids_and_a_stranger_is_refused() {
    let home = TestHome::enrolled();
    let whole = r#"{"department": "HT01", "commune": "HT0111", "consent": "yes", "head_name": "Luc",
        "roster/AAAAAAAAAAAAC/@order": "a1", "roster/AAAAAAAAAAAAC/@person": "P2", "roster/AAAAAAAAAAAAC/given_name": "Ana",
        "roster/AAAAAAAAAAAAC/age": 3, "roster/BAAAAAAAAAAAC/@order": "a0", "roster/BAAAAAAAAAAAC/given_name": "Luc",
        "roster/BAAAAAAAAAAAC/age": 30}"#;
    let file = home.file("whole.json", whole);
    assert_eq!(home.run(&["interview", "household", "--answers", &file, "--finalise"]).code, 0);
    let shown = home.run(&["record", "show", "1"]).out;
    assert!(
        shown.contains("Membre 1  [BAAAAAAAAAAAC]") && shown.contains("Membre 2  [AAAAAAAAAAAAC]"),
        "{shown}"
    );
    let stranger = home.file("stranger.json", r#"{"roster/CAAAAAAAAAAAC/age": 4}"#);
    assert_snapshot!(home.run(&["interview", "household", "--answers", &stranger, "--record", "1"]), @"
    [stderr]
      roster/CAAAAAAAAAAAC/age : attendu : un membre de ce ménage ; trouvé : rien de ce nom à cet endroit
      Rien n'a été gardé de ce ménage. Ménages enregistrés avant lui : 0
    Erreur : Ménage nº 1 du fichier : une réponse ne convient pas.
    [exit 1]
    ");
}

#[test]
fn a_paused_household_is_set_finished_and_withdrawn() {
    let home = TestHome::enrolled();
    let file = home.file("one.json", r#"{"department": "HT01", "consent": "yes"}"#);
    assert_snapshot!(home.run(&["interview", "household", "--answers", &file]), @"
    En cours. Fiche ZUCKI5KETDQG3NNBHRPTOHY7AQ
    [exit 0]
    ");
    assert_snapshot!(home.run(&["record", "finalise", "1"]), @"
    [stderr]
      commune : Une réponse est nécessaire.
      head_name : Une réponse est nécessaire.
    Erreur : Entretien pas terminé ; à corriger : 2
    [exit 1]
    ");
    assert_snapshot!(home.run(&["record", "set", "1", "commune=HT0111", "roster[1]/age=4"]), @"
    [stderr]
    Erreur : Il n'y a pas de nº 1 ; il y en a 0.
    [exit 1]
    ");
    assert_snapshot!(home.run(&["record", "set", "1", "commune=HT0111", "head_name=Jean", "assets=radio phone"]), @"
    Réponses gardées : 5
    [exit 0]
    ");
    assert_snapshot!(home.run(&["record", "add-member", "1", "given_name=Jean", "age=vingt"]), @r#"
    [stderr]
    Erreur : roster[1]/age : attendu : Donnez un nombre entier, par exemple 12. ; trouvé : "vingt"
    À faire : collector form show montre les chemins des questions.
    [exit 1]
    "#);
    assert_snapshot!(home.run(&["record", "set", "1", "commune=HT0211"]), @"
    [stderr]
    Erreur : commune : attendu : Choisissez dans la liste. ; trouvé : HT0211
    À faire : collector form show montre les chemins des questions.
    [exit 1]
    ");
    assert_eq!(home.run(&["record", "add-member", "1", "given_name=Jean", "age=19", "--json"]).code, 0);
    assert_snapshot!(home.run(&["record", "set", "1", "roster[1]/age=20"]), @"
    Réponses gardées : 1
    [exit 0]
    ");
    assert_eq!(home.run(&["record", "finalise", "1", "--json"]).json()["records"][0]["status"], "finalised");
    assert_snapshot!(home.run(&["record", "withdraw", "1", "--reason", "inscrit deux fois"]), @"
    Fiche retirée : HT-00007-000001-S Jean
    [exit 0]
    ");
    assert_snapshot!(home.run(&["record", "set", "1", "head_name=Luc"]), @"
    [stderr]
    Erreur : La fiche ZUCKI5KETDQG3NNBHRPTOHY7AQ est retirée : elle ne prend plus de réponses.
    [exit 1]
    ");
}
