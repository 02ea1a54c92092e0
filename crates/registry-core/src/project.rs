//! From a form's entities to registry rows (ODK's convention: the `entities` sheet and `save_to`).

use form_engine::{EntityKey, EntityWrite, Evaluation};
use record_model::{AnswerPath, Answers, AreaCode, RecordId, Value};
use registry_store::{HouseholdRow, IdentifierRow, MembershipRow, PersonRow, Projection};

/// Entity lists with a table of their own; a form saves into them by these names.
const HOUSEHOLD: &str = "household";
const PERSON: &str = "person";
/// Properties with this prefix are identifiers: `id.HT-NINU`.
const IDENTIFIER_PREFIX: &str = "id.";
const RELATIONSHIP: &str = "relationship";

/// What the registry says because of this record. A person comes from a roster instance, under the permanent person id
/// of its `@person` marker; an instance without one is not a person yet.
pub fn project(
    record: RecordId,
    area: &AreaCode,
    registration_number: Option<&str>,
    answers: &Answers,
    evaluation: &Evaluation,
) -> Projection {
    let mut projection = Projection::default();
    for entity in evaluation.entities() {
        if !(entity.create || entity.update) {
            continue;
        }
        match (entity.list.as_str(), &entity.entity_key) {
            (HOUSEHOLD, EntityKey::Record) => {
                projection.household = Some(HouseholdRow {
                    household: record,
                    registration_number: registration_number.map(str::to_owned),
                    area: area.clone(),
                    label: entity.label,
                    properties: entity.properties,
                });
            }
            (PERSON, EntityKey::Instance { repeat, instance }) => {
                let marker = AnswerPath::in_repeat(repeat, *instance, "@person").ok();
                let person =
                    marker.and_then(|path| answers.get(&path).and_then(Value::as_text).map(str::to_owned));
                if let Some(person) = person {
                    add_person(&mut projection, record, person, instance.to_string(), entity);
                }
            }
            // A list without a table of its own: its properties stay in the record.
            _ => {}
        }
    }
    if projection.household.is_none() {
        // Nobody belongs to a household that the form says is none (refused, absent, destroyed).
        return Projection::default();
    }
    projection
}

fn add_person(
    projection: &mut Projection,
    record: RecordId,
    person: String,
    instance: String,
    entity: EntityWrite,
) {
    let mut properties = entity.properties;
    let relationship = properties.get(RELATIONSHIP).map(ToString::to_string).filter(|code| !code.is_empty());
    let schemes: Vec<String> =
        properties.keys().filter(|name| name.starts_with(IDENTIFIER_PREFIX)).cloned().collect();
    for name in schemes {
        let value = properties.remove(&name).map(|value| value.to_string()).unwrap_or_default();
        if !value.is_empty() {
            let scheme = name[IDENTIFIER_PREFIX.len()..].to_owned();
            projection.identifiers.push(IdentifierRow { person: person.clone(), scheme, value });
        }
    }
    projection.memberships.push(MembershipRow {
        household: record,
        person: person.clone(),
        instance,
        relationship,
    });
    projection.persons.push(PersonRow { person, label: entity.label, properties });
}
