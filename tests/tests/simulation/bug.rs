//! Bugs that a world can be given, one at a time, so that it is seen that the checker finds them.

/// A bug, planted from outside: none of it is in the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    /// The server shows the feed in the order of its authors' clocks, and a cursor is such a clock's reading.
    OrderByClock,
    /// A laptop counts as delivered what it has posted, whatever the answer.
    DeleteBeforeReceipt,
    /// A laptop takes over the cursor of a page that never arrived.
    CheckpointPastGap,
    /// The server shows a seat the records of every area.
    MissingAreaFilter,
    /// The server's merge takes the actor that a change names at its word.
    ActorUnchecked,
}
