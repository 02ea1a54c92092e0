//! What a record writes to the registry, by ODK's convention: the `entities` sheet and the `save_to` column.

use std::collections::BTreeMap;

use record_model::{InstanceId, Value};

use crate::arena::Datum;
use crate::evaluation::Evaluation;
use crate::form::{Entity, ScopeIndex};
use crate::xpath::eval::Context;
use crate::xpath::program::ExprId;

/// What an entity stands for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntityKey {
    /// The record itself, such as a household.
    Record,
    /// One instance of a repeat, such as a member.
    Instance {
        /// The repeat's name.
        repeat: String,
        /// Which instance.
        instance: InstanceId,
    },
}

/// One entity as a record declares it. Its Debug leaves label and properties out: they are answers.
#[derive(Clone, PartialEq, Eq)]
pub struct EntityWrite {
    /// The entity list.
    pub list: String,
    /// What it stands for.
    pub entity_key: EntityKey,
    /// The entity to update, when the form says which.
    pub entity_id: Option<String>,
    /// How it is called.
    pub label: String,
    /// Relevant answers by property; one without an answer has none. A select_multiple is its codes separated by spaces.
    pub properties: BTreeMap<String, Value>,
    /// The form asks to make it.
    pub create: bool,
    /// The form asks to change it.
    pub update: bool,
}

impl std::fmt::Debug for EntityWrite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EntityWrite({}, {:?})", self.list, self.entity_key)
    }
}

impl Evaluation {
    /// Every entity the record declares, in sheet order and then in the order of instances. An entity of a repeat that is
    /// not relevant is not declared.
    pub fn entities(&self) -> Vec<EntityWrite> {
        let mut writes = Vec::new();
        for (at, entity) in self.form.entities.iter().enumerate() {
            for instance in &self.arena.by_scope[entity.scope.as_usize()] {
                if self.is_declared(entity.scope, *instance) {
                    writes.extend(self.entity(at, entity, *instance));
                }
            }
        }
        writes
    }

    fn is_declared(&self, scope: ScopeIndex, instance: u32) -> bool {
        self.form.scope(scope).repeat.is_none_or(|repeat| {
            self.arena.cell(&self.form, self.arena.instance(instance).parent, repeat).relevant
        })
    }

    fn entity(&self, at: usize, entity: &Entity, instance: u32) -> Option<EntityWrite> {
        let evaluator = self.evaluator(0);
        let context = Context::instance(instance);
        let text = |id: ExprId| evaluator.run_text(id, context).into_owned();
        let entity_id = entity.entity_id.map(text).filter(|id| !id.is_empty());
        let condition = |id: ExprId| evaluator.run_bool(id, context);
        let entity_key = match self.form.scope(entity.scope).repeat {
            None => EntityKey::Record,
            Some(repeat) => EntityKey::Instance {
                repeat: self.form.question(repeat).name.to_string(),
                instance: self.arena.instance(instance).id?,
            },
        };
        Some(EntityWrite {
            list: entity.list.to_string(),
            entity_key,
            label: entity.label.map(text).unwrap_or_default(),
            properties: self.properties(at, entity, instance),
            // ODK: without an id an entity is made, with one it is changed, unless the conditions say otherwise.
            create: entity
                .create_if
                .map_or(entity.entity_id.is_none() && entity.update_if.is_none(), condition),
            update: entity
                .update_if
                .map_or(entity.entity_id.is_some() && entity.create_if.is_none(), condition),
            entity_id,
        })
    }

    fn properties(&self, at: usize, entity: &Entity, instance: u32) -> BTreeMap<String, Value> {
        let mut properties = BTreeMap::new();
        for index in &self.form.scope(entity.scope).slots {
            let question = self.form.question(*index);
            let Some((of, property)) = &question.save_to else { continue };
            let cell = self.arena.cell(&self.form, instance, *index);
            if *of == at && cell.relevant && cell.datum != Datum::Blank {
                properties.insert(property.to_string(), self.value_of(question, instance));
            }
        }
        properties
    }
}
