//! What a seat is shown, and nothing else.

use registry_store::{FeedFilter, ReadTx, StoreError};
use signed_delta::{ChainEnd, SeatStanding};
use sync_protocol::{MAX_BATCH_DECOMPRESSED_BYTES, MAX_BATCH_DELTAS, PullRequest, PulledDelta};

use crate::catalog::Catalog;
use crate::judge::max_class;

/// Deltas of one page, and where to go on.
pub(crate) struct Page {
    pub(crate) deltas: Vec<PulledDelta>,
    pub(crate) next_cursor: u64,
    pub(crate) more: bool,
}

/// In a forked epoch a laptop holds one branch: that it holds a place does not mean that it holds what was merged there.
fn unforked(tx: &dyn ReadTx, have: Vec<ChainEnd>) -> Result<Vec<ChainEnd>, StoreError> {
    let mut plain = Vec::with_capacity(have.len());
    for end in have {
        if tx.epoch(end.seat, end.epoch)?.is_none_or(|row| row.frozen_by.is_none()) {
            plain.push(end);
        }
    }
    Ok(plain)
}

/// Bytes of envelopes in one page: half the limit, so that a page always fits it.
const PAGE_BYTES: usize = MAX_BATCH_DECOMPRESSED_BYTES / 2;

/// The one place that turns a certificate into what may be seen.
pub(crate) fn filter_of(standing: &SeatStanding, catalog: &Catalog, request: &PullRequest) -> FeedFilter {
    let certificate = &standing.certificate;
    let mut areas = catalog.areas().within_any(&certificate.fields.areas);
    // An area that no pack lists still is itself.
    areas.extend(certificate.fields.areas.iter().filter(|area| !catalog.areas().contains(area)).cloned());
    FeedFilter {
        seat: certificate.seat(),
        areas,
        lineages: certificate.fields.lineages.clone(),
        max_class: max_class(certificate.fields.role),
        have: request.have.clone(),
    }
}

/// Reads one page.
pub(crate) fn page(tx: &dyn ReadTx, mut filter: FeedFilter, cursor: u64) -> Result<Page, StoreError> {
    filter.have = unforked(tx, filter.have)?;
    let filter = &filter;
    let (entries, looked_through) = tx.feed_after(cursor, filter, MAX_BATCH_DELTAS)?;
    let found = entries.len();
    let mut size = 0;
    let mut page = Page { deltas: Vec::with_capacity(found), next_cursor: looked_through, more: false };
    for entry in entries {
        let envelope = entry.entry.delta.encode();
        size += envelope.len();
        if size > PAGE_BYTES && !page.deltas.is_empty() {
            break;
        }
        page.deltas.push(PulledDelta {
            feed_index: entry.feed_index,
            log_index: entry.entry.index,
            received_at: entry.entry.received_at,
            envelope,
        });
    }
    let cut_short = page.deltas.len() < found;
    if cut_short {
        page.next_cursor = page.deltas.last().map_or(cursor, |last| last.feed_index);
    }
    page.more = cut_short || found == MAX_BATCH_DELTAS || {
        let (next, further) = tx.feed_after(page.next_cursor, filter, 1)?;
        !next.is_empty() || further > page.next_cursor
    };
    Ok(page)
}
