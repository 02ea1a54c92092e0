//! An interview with a person at the terminal.

mod support;

use insta::assert_snapshot;
use support::TestHome;

#[test]
fn a_person_answers_question_by_question_and_gets_the_slip() {
    let home = TestHome::enrolled();
    let ran = home.type_in(
        &["interview", "household"],
        &["", "1", "port", "oui", "Marie", "1 2", "+", "Marie", "150", "41", "+", "Jean", "9", "", "o"],
    );
    assert_snapshot!(ran, @"
    Entretien terminé. Numéro : HT-00007-000001-S (fiche V5KXB5NBQEFXV54MV5F4OCTGB4)

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
    [stderr]
    Entrée = garder et continuer · < = question d'avant · - = effacer · ? = aide · :q = arrêter, tout est gardé

    Date de la visite *
    maintenant : 2026-11-21
    > 

    Département *
       1. Ouest
       2. Sud-Est
    > 1

    Commune *
       1. Port-au-Prince
       2. Delmas
    > port

    Acceptez-vous ? *
       1. Oui
       2. Non
    > oui

    == Ménage

    Nom du chef *
      (Comme sur les papiers)
    > Marie

    Biens de Marie
       1. Radio
       2. Téléphone
    > 1 2

    Membre : 0
    + = ajouter · x 2 = enlever le nº 2 · Entrée = continuer
    > +
    Nº 1 ajouté.

    Prénom *
    > Marie

    Âge de Marie *
    > 150
    120 ans au plus.
    > 41

    Membre : 1
      1. Marie
    + = ajouter · x 2 = enlever le nº 2 · Entrée = continuer
    > +
    Nº 2 ajouté.

    Prénom *
    > Jean

    Âge de Jean *
    > 9

    Membre : 2
      1. Marie
      2. Jean
    + = ajouter · x 2 = enlever le nº 2 · Entrée = continuer
    > 

    Terminer l'entretien ? (O = oui, n = plus tard) o
    [exit 0]
    ");
}

#[test]
fn an_interview_goes_back_stops_and_resumes_where_it_stopped() {
    let home = TestHome::enrolled();
    let ran = home.type_in(&["interview", "household"], &["", "2", "<", "1", "2", ":q"]);
    assert_snapshot!(ran, @"
    En cours. Fiche V5KXB5NBQEFXV54MV5F4OCTGB4
    [stderr]
    Entrée = garder et continuer · < = question d'avant · - = effacer · ? = aide · :q = arrêter, tout est gardé

    Date de la visite *
    maintenant : 2026-11-21
    > 

    Département *
       1. Ouest
       2. Sud-Est
    > 2

    Commune *
       1. Jacmel
    > <

    Département *
       1. Ouest
       2. Sud-Est
    maintenant : Sud-Est
    > 1

    Commune *
       1. Port-au-Prince
       2. Delmas
    > 2

    Acceptez-vous ? *
       1. Oui
       2. Non
    > :q
    Tout est gardé. Pour continuer : collector interview household --record V5KXB5NB
    [exit 0]
    ");
    let resumed =
        home.type_in(&["interview", "household", "--record", "1"], &["1", "", "", "tv", "-", "+", "Rose"]);
    assert_snapshot!(resumed, @"
    En cours. Fiche V5KXB5NBQEFXV54MV5F4OCTGB4
    [stderr]
    Entrée = garder et continuer · < = question d'avant · - = effacer · ? = aide · :q = arrêter, tout est gardé
    On reprend là où l'entretien s'était arrêté.

    Acceptez-vous ? *
       1. Oui
       2. Non
    > 1

    == Ménage

    Nom du chef *
      (Comme sur les papiers)
    > 
    Une réponse est nécessaire. Entrée encore une fois pour y revenir plus tard.
    > 

    Biens de
       1. Radio
       2. Téléphone
    > tv
    Tapez le numéro d'un choix, ou une partie de ses mots. Plusieurs choix : séparez par des espaces.
    > -

    Membre : 0
    + = ajouter · x 2 = enlever le nº 2 · Entrée = continuer
    > +
    Nº 1 ajouté.

    Prénom *
    > Rose

    Âge de Rose *
    > ^D
    Tout est gardé. Pour continuer : collector interview household --record V5KXB5NB
    [exit 0]
    ");
    let answers = home.run(&["record", "show", "1", "--json"]).json()["answers"].to_string();
    assert!(answers.contains("HT0112") && answers.contains("Rose"), "{answers}");
}

#[test]
fn a_member_is_removed_with_a_reason_and_never_without() {
    let home = TestHome::enrolled();
    let typed = [
        "",
        "1",
        "1",
        "1",
        "Marie",
        "",
        "+",
        "Marie",
        "41",
        "+",
        "Jean",
        "9",
        "x 2",
        "",
        "x 2",
        "a déménagé",
        ":q",
    ];
    let ran = home.type_in(&["interview", "household"], &typed);
    assert!(ran.err.contains("Sans raison, personne n'est enlevé."), "{ran}");
    assert!(ran.err.ends_with("Membre : 1\n  1. Marie\n+ = ajouter · x 2 = enlever le nº 2 · Entrée = continuer\n> :q\nTout est gardé. Pour continuer : collector interview household --record V5KXB5NB\n"), "{ran}");
}

#[test]
fn what_keeps_an_interview_open_is_listed_and_gone_to() {
    let home = TestHome::enrolled();
    let typed =
        ["", "1", "", "", "1", "", "", "", "", "3", "2", "Marie", "", "", "1", "1", "", "", "", "", "oui"];
    assert_snapshot!(home.type_in(&["interview", "household"], &typed), @"
    Entretien terminé. Numéro : HT-00007-000001-S (fiche V5KXB5NBQEFXV54MV5F4OCTGB4)

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
    [stderr]
    Entrée = garder et continuer · < = question d'avant · - = effacer · ? = aide · :q = arrêter, tout est gardé

    Date de la visite *
    maintenant : 2026-11-21
    > 

    Département *
       1. Ouest
       2. Sud-Est
    > 1

    Commune *
       1. Port-au-Prince
       2. Delmas
    > 
    Une réponse est nécessaire. Entrée encore une fois pour y revenir plus tard.
    > 

    Acceptez-vous ? *
       1. Oui
       2. Non
    > 1

    == Ménage

    Nom du chef *
      (Comme sur les papiers)
    > 
    Une réponse est nécessaire. Entrée encore une fois pour y revenir plus tard.
    > 

    Biens de
       1. Radio
       2. Téléphone
    > 

    Membre : 0
    + = ajouter · x 2 = enlever le nº 2 · Entrée = continuer
    > 

    À corriger avant de terminer : 2
      1. Commune : Une réponse est nécessaire.
      2. Nom du chef : Une réponse est nécessaire.
    Tapez un numéro pour y aller, < pour revenir, Entrée pour arrêter (tout est gardé).
    > 3
    Tapez un numéro pour y aller, < pour revenir, Entrée pour arrêter (tout est gardé).
    > 2

    Nom du chef *
      (Comme sur les papiers)
    > Marie

    Biens de Marie
       1. Radio
       2. Téléphone
    > 

    Membre : 0
    + = ajouter · x 2 = enlever le nº 2 · Entrée = continuer
    > 

    À corriger avant de terminer : 1
      1. Commune : Une réponse est nécessaire.
    Tapez un numéro pour y aller, < pour revenir, Entrée pour arrêter (tout est gardé).
    > 1

    Commune *
       1. Port-au-Prince
       2. Delmas
    > 1

    Acceptez-vous ? *
       1. Oui
       2. Non
    maintenant : Oui
    > 

    == Ménage

    Nom du chef *
      (Comme sur les papiers)
    maintenant : Marie
    > 

    Biens de Marie
       1. Radio
       2. Téléphone
    > 

    Membre : 0
    + = ajouter · x 2 = enlever le nº 2 · Entrée = continuer
    > 

    Terminer l'entretien ? (O = oui, n = plus tard) oui
    [exit 0]
    ");
}

#[test]
fn the_form_and_the_program_speak_english_when_asked() {
    let home = TestHome::enrolled();
    let ran = home.type_in(&["interview", "household", "--lang", "en"], &["", "1", ":q"]);
    assert_snapshot!(ran, @"
    In progress. Record V5KXB5NBQEFXV54MV5F4OCTGB4
    [stderr]
    Enter = keep and go on · < = question before · - = clear · ? = help · :q = stop, all is kept

    Date of the visit *
    now: 2026-11-21
    > 

    Department *
       1. West
       2. South-East
    > 1

    Commune *
       1. Port-au-Prince
       2. Delmas
    > :q
    All is kept. To go on: collector interview household --record V5KXB5NB
    [exit 0]
    ");
}
