//! How long the others take, for a bench to print beside our own figures from the same run.

use std::path::Path;

use super::{Oracle, OracleError};
use crate::interviews::{Dice, Filling, InWebEngine, Step, random_step};

/// One workbook's way through the other engines. Milliseconds, each process warm.
#[derive(Debug)]
pub struct Timings {
    /// pyxform, from the workbook to the XForm.
    pub convert_ms: f64,
    /// The web engine, from the XForm to a form.
    pub load_ms: f64,
    /// And to an interview.
    pub create_ms: f64,
    /// Each answer or instance, everything recomputed. In order of time taken.
    pub steps_ms: Vec<f64>,
    /// What the web engine's process holds at the end.
    pub resident_bytes: u64,
    /// The XForm that was loaded.
    pub xform: String,
    /// What was done, for our own engine to do after it.
    pub steps: Vec<Step>,
}

impl Timings {
    /// The step that so many hundredths of the steps are not slower than.
    pub fn step_percentile_ms(&self, percent: usize) -> f64 {
        percentile(&self.steps_ms, percent)
    }
}

/// Of values in order; 0 of none.
pub fn percentile(sorted: &[f64], percent: usize) -> f64 {
    sorted.get(sorted.len() * percent / 100).or(sorted.last()).copied().unwrap_or_default()
}

impl Oracle {
    /// Converts a workbook, loads it and takes so many random steps.
    ///
    /// # Errors
    ///
    /// When one of the engines refuses it.
    pub fn timings(&self, workbook: &Path, steps: usize, seed: u64) -> Result<Timings, OracleError> {
        let converted = self.pyxform()?.convert(workbook)?;
        let xform = converted.xform.ok_or_else(|| OracleError::Refused {
            program: "pyxform",
            said: converted.error.unwrap_or_default(),
        })?;
        let mut engine = self.web_engine()?;
        let (load_ms, _) = engine.load("timed", &xform, None)?;
        let create_ms = engine.begin("timed")?;
        let mut filling = InWebEngine::new(&mut engine, "timed");
        let taken = take_random_steps(&mut filling, steps, seed)?;
        let mut steps_ms = std::mem::take(&mut filling.took_ms);
        steps_ms.sort_by(f64::total_cmp);
        let resident_bytes = engine.resident_bytes()?;
        let convert_ms = converted.seconds * 1e3;
        Ok(Timings { convert_ms, load_ms, create_ms, steps_ms, resident_bytes, xform, steps: taken })
    }
}

fn take_random_steps(
    filling: &mut InWebEngine<'_>,
    steps: usize,
    seed: u64,
) -> Result<Vec<Step>, OracleError> {
    let mut dice = Dice::new(seed);
    let mut taken = Vec::new();
    // What it does not take for an answer is left out, and counted so that this ends.
    for _ in 0..steps {
        let nodes = filling.engine.nodes()?;
        let Some(step) = random_step(&nodes, &mut dice) else { break };
        if filling.take(&step).is_ok() {
            taken.push(step);
        }
    }
    Ok(taken)
}
