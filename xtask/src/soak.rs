//! `cargo xtask soak`: the long proofs, too long for every change. Each prints its seed; a failing seed is run again by
//! setting it.

use std::error::Error;

use crate::cargo::{cargo, run};
use crate::outside::Outside;
use crate::{needs, pack};

/// One long proof: which suite, which tests of it, and how far to go.
struct Proof {
    /// What it shows, for the person who waits.
    shows: &'static str,
    suite: &'static str,
    filter: &'static str,
    counts: &'static [(&'static str, &'static str)],
}

const PROOFS: &[Proof] = &[
    Proof {
        shows: "1,000,000 mutated envelopes: none accepted",
        suite: "mutants",
        filter: "mutated_envelopes",
        counts: &[("LAKOU_ENVELOPES", "1000000")],
    },
    Proof {
        shows: "100,000 checksum-repaired mutants of changes; and the same with the reload check off",
        suite: "mutants",
        filter: "",
        counts: &[("LAKOU_MUTANTS", "100000")],
    },
    Proof {
        shows: "10,000 correctly signed forgeries: none merged",
        suite: "forgery",
        filter: "no_correctly_signed_forgery",
        counts: &[("LAKOU_FORGERIES", "10000")],
    },
    Proof {
        shows: "500 random histories of three laptops in any order, repetition and split",
        suite: "convergence",
        filter: "any_order",
        counts: &[("PROPTEST_CASES", "500")],
    },
    Proof {
        shows: "200 kills of the registry's store after its first acknowledgement",
        suite: "sqlite",
        filter: "kill",
        counts: &[("LAKOU_KILLS", "200")],
    },
    Proof {
        shows: "200 kills of server and of collector after their first acknowledgement",
        suite: "kill",
        filter: "",
        counts: &[("LAKOU_KILLS", "200")],
    },
    Proof {
        shows: "2,000 random interviews: every node as the web engine has it, after every answer",
        suite: "forms_oracle",
        filter: "random_interviews",
        counts: &[("LAKOU_SEQUENCES", "2000")],
    },
];

/// Runs every proof; the first that fails ends it.
pub(crate) fn run_all() -> Result<(), Box<dyn Error>> {
    needs::install_missing()?;
    pack::run(&pack::Command::Build { name: Some("haiti-simast".to_owned()), out: None })?;
    // Everything at once, so that no suite builds its dependencies again with other features.
    run(&mut cargo(&["build", "--workspace", "--exclude", "xtask", "--bins", "--tests"]))?;
    let outside = Outside::find()?;
    for proof in PROOFS {
        println!("\n== {}", proof.shows);
        let mut command = outside.told(cargo(&[
            "test",
            "--workspace",
            "--exclude",
            "xtask",
            "--test",
            proof.suite,
            "--",
            "--nocapture",
            proof.filter,
        ]));
        for (name, value) in proof.counts {
            command.env(name, value);
        }
        run(&mut command)?;
    }
    Ok(())
}
