//! Registry rows: four kinds in one table, clustered by record.

use record_model::RecordId;
use rusqlite::params;

use super::codec::{Columns, same_bits, to_json};
use super::tx::SqliteTx;
use crate::error::StoreError;
use crate::rows::{HouseholdRow, IdentifierRow, MembershipRow, PersonRow, Projection};

/// The column kind. Never renumbered: it is part of `registry_hash`.
mod kind {
    pub(super) const HOUSEHOLD: i64 = 1;
    pub(super) const PERSON: i64 = 2;
    pub(super) const MEMBERSHIP: i64 = 3;
    pub(super) const IDENTIFIER: i64 = 4;
}

const COLUMNS: &str = "SELECT kind, household, person, registration_number, area, label, properties, instance, \
     relationship, scheme, value FROM registry_rows WHERE record = ?1 ORDER BY kind, position";

const WRITING: &str = "write registry rows";

impl SqliteTx<'_> {
    pub(super) fn read_projection(&self, record: RecordId) -> Result<Projection, StoreError> {
        let mut projection = Projection::default();
        self.list("registry_rows", COLUMNS, [record.as_bytes()], |columns| {
            match columns.integer("kind")? {
                kind::HOUSEHOLD => projection.household = Some(household(columns)?),
                kind::PERSON => projection.persons.push(person(columns)?),
                kind::MEMBERSHIP => projection.memberships.push(membership(columns)?),
                kind::IDENTIFIER => projection.identifiers.push(identifier(columns)?),
                _ => return Err(columns.wrong("kind")),
            }
            Ok(())
        })?;
        Ok(projection)
    }

    pub(super) fn replace_projection(
        &mut self,
        record: RecordId,
        projection: &Projection,
    ) -> Result<(), StoreError> {
        let before = self.projection_size(record)?;
        let of = record.as_bytes();
        self.execute(WRITING, "DELETE FROM registry_rows WHERE record = ?1", [of])?;
        if let Some(row) = &projection.household {
            let household = row.household.as_bytes();
            let properties = to_json(&row.properties);
            let number = &row.registration_number;
            self.execute(
                WRITING,
                "INSERT INTO registry_rows \
                 (record, kind, position, household, registration_number, area, label, properties) \
                 VALUES (?1, ?2, 0, ?3, ?4, ?5, ?6, ?7)",
                params![of, kind::HOUSEHOLD, household, number, row.area.as_str(), row.label, properties],
            )?;
        }
        for (position, row) in (0_i64..).zip(&projection.persons) {
            self.execute(
                WRITING,
                "INSERT INTO registry_rows (record, kind, position, person, label, properties) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![of, kind::PERSON, position, row.person, row.label, to_json(&row.properties)],
            )?;
        }
        for (position, row) in (0_i64..).zip(&projection.memberships) {
            let household = row.household.as_bytes();
            self.execute(
                WRITING,
                "INSERT INTO registry_rows \
                 (record, kind, position, household, person, instance, relationship) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![
                    of,
                    kind::MEMBERSHIP,
                    position,
                    household,
                    row.person,
                    row.instance,
                    row.relationship
                ],
            )?;
        }
        for (position, row) in (0_i64..).zip(&projection.identifiers) {
            self.execute(
                WRITING,
                "INSERT INTO registry_rows (record, kind, position, person, scheme, value) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![of, kind::IDENTIFIER, position, row.person, row.scheme, row.value],
            )?;
        }
        let after = (u64::from(projection.household.is_some()), projection.persons.len() as u64);
        self.note_size(before, after)
    }

    fn projection_size(&self, record: RecordId) -> Result<(u64, u64), StoreError> {
        let sql = "SELECT count(*) FILTER (WHERE kind = 1), count(*) FILTER (WHERE kind = 2) \
                   FROM registry_rows WHERE record = ?1 AND kind <= 2";
        let size = self.one("registry_rows", sql, [record.as_bytes()], |columns| {
            Ok((columns.number("households")?, columns.number("persons")?))
        })?;
        Ok(size.unwrap_or_default())
    }

    fn note_size(&mut self, before: (u64, u64), after: (u64, u64)) -> Result<(), StoreError> {
        if before == after {
            return Ok(());
        }
        // Fewer than before is a negative number in the same 64 bits.
        let more = (same_bits(after.0.wrapping_sub(before.0)), same_bits(after.1.wrapping_sub(before.1)));
        let sql = "UPDATE progress SET households = households + ?1, persons = persons + ?2";
        self.execute(WRITING, sql, params![more.0, more.1])?;
        Ok(())
    }
}

/// Columns of [`COLUMNS`] after kind.
fn household(columns: &mut Columns<'_, '_>) -> Result<HouseholdRow, StoreError> {
    let household = columns.record_id("household")?;
    columns.skip(1);
    Ok(HouseholdRow {
        household,
        registration_number: columns.optional_text("registration_number")?,
        area: columns.parsed("area")?,
        label: columns.text("label")?.to_owned(),
        properties: columns.json("properties")?,
    })
}

fn person(columns: &mut Columns<'_, '_>) -> Result<PersonRow, StoreError> {
    columns.skip(1);
    let person = columns.text("person")?.to_owned();
    columns.skip(2);
    Ok(PersonRow {
        person,
        label: columns.text("label")?.to_owned(),
        properties: columns.json("properties")?,
    })
}

fn membership(columns: &mut Columns<'_, '_>) -> Result<MembershipRow, StoreError> {
    let household = columns.record_id("household")?;
    let person = columns.text("person")?.to_owned();
    columns.skip(4);
    Ok(MembershipRow {
        household,
        person,
        instance: columns.text("instance")?.to_owned(),
        relationship: columns.optional_text("relationship")?,
    })
}

fn identifier(columns: &mut Columns<'_, '_>) -> Result<IdentifierRow, StoreError> {
    columns.skip(1);
    let person = columns.text("person")?.to_owned();
    columns.skip(6);
    Ok(IdentifierRow {
        person,
        scheme: columns.text("scheme")?.to_owned(),
        value: columns.text("value")?.to_owned(),
    })
}
