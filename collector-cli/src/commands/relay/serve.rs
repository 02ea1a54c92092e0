//! `relay serve`

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bundle_files::{CarriedFolder, Keeping, PartError, shown};
use collector_core::{
    MAX_WRONG_WORDS, PartOffer, RELAY_SEED_BYTES, RELAY_WORD_COUNT, Randomness, RelayFailure, RelayRefusal,
    RelayServe, RelayServeEffect, RelayServeEvent, RelayWords,
};

use crate::app::App;
use crate::failure::{Failure, Kind};
use crate::frames::{Frames, RELAY_PORT};
use crate::messages::Text;
use crate::platform;
use crate::shapes::{RelayOpenShape, RelayServedShape};

/// Connections at once; more are hung up on.
const MAX_CONNECTIONS: usize = 4;
/// How long a caller has to show that they hold the words.
const PAIRING_TIMEOUT: Duration = Duration::from_secs(20);
/// How long one frame may take after that, in which the caller may be taking in a reply.
const FRAME_TIMEOUT: Duration = Duration::from_secs(120);
/// How long one meeting may take in all.
const MEETING_TIMEOUT: Duration = Duration::from_secs(60 * 60);
/// Minutes without a caller after which serving ends.
const IDLE_MINUTES: u32 = 30;
/// How long after a failed accept (no file handles left, for one) the next one is tried.
const ACCEPT_RETRY: Duration = Duration::from_millis(200);

/// Lets colleagues hand this computer their work, to carry it to where there is a network. They type the address it shows
/// and the words it is read with. Ctrl-C ends it; nothing taken in is lost.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Address and port to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS:PORT", default_value_t = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), RELAY_PORT))]
    listen: SocketAddr,
    /// End after so many minutes without a caller.
    #[arg(long, value_name = "MINUTES", default_value_t = IDLE_MINUTES, value_parser = clap::value_parser!(u32).range(1..=1440))]
    idle: u32,
}

/// What one connection has to tell.
enum Note {
    /// Somebody came with wrong words; so many tries are left.
    WrongWords { left: u32 },
    /// Somebody who held the words is done, or was cut off.
    Met(Meeting),
}

#[derive(Default)]
struct Meeting {
    kept: u64,
    had: u64,
    handed_back: u64,
    dropped: u64,
    failure: Option<RelayFailure>,
    trouble: Option<PartError>,
}

/// What connections share.
struct Shared {
    words: RelayWords,
    deployment: record_model::DeploymentId,
    folder: Mutex<CarriedFolder>,
    /// Wrong words heard. Held while a caller's word is judged, so that none slips past the limit.
    wrong_words: Mutex<u32>,
    connections: AtomicUsize,
    notes: Mutex<Sender<Note>>,
}

impl Shared {
    fn tell(&self, note: Note) {
        // Nobody listens any more when serving has ended.
        let _ = lock(&self.notes).send(note);
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn run(args: &Args, app: &mut App) -> Result<(), Failure> {
    // Unlocked for a moment: to know the deployment, and that somebody of this computer opens it to others.
    let collector = app.unlock()?;
    let (deployment, now) = (collector.who_am_i().deployment, collector.visit_now().at);
    let folder = CarriedFolder::in_home(collector.home().root());
    drop(collector);
    let listener = TcpListener::bind(args.listen).map_err(|error| cannot_listen(args, error))?;
    let address = listener.local_addr().map_err(|error| cannot_listen(args, error))?;
    // The port is ours, so no other relay of this computer is at work in the folder.
    folder.tidy()?;
    let dropped = folder.drop_old_replies(now)?;
    let mut randomness = app.randomness();
    let mut drawn = [0; RELAY_WORD_COUNT];
    randomness.fill(&mut drawn);
    let words = RelayWords::from_random(drawn);
    let (sender, notes) = channel();
    open(app, address, &words, &folder, dropped);
    let shared = Arc::new(Shared {
        words,
        deployment,
        folder: Mutex::new(folder),
        wrong_words: Mutex::new(0),
        connections: AtomicUsize::new(0),
        notes: Mutex::new(sender),
    });
    let accepting = Arc::clone(&shared);
    std::thread::Builder::new()
        .name("relay".to_owned())
        .spawn(move || accept(&listener, &accepting, randomness.as_mut()))
        .map_err(|error| cannot_listen(args, error))?;
    let served = follow(app, args, &notes, &shared);
    close(app, &served)
}

fn cannot_listen(args: &Args, error: std::io::Error) -> Failure {
    let text = Text::new("error-relay-listen").with("address", args.listen.to_string());
    Failure::new(Kind::System, text.with("reason", error.to_string()))
        .hint(Text::new("hint-relay-listen"))
        .source(error)
}

/// Says what to type and what to read aloud.
fn open(app: &mut App, address: SocketAddr, words: &RelayWords, folder: &CarriedFolder, dropped: u64) {
    let shape = RelayOpenShape {
        addresses: to_type(address),
        words: words.to_string(),
        folder: shown(folder.path()),
        dropped,
    };
    if app.ui.json(&shape) {
        return;
    }
    if dropped > 0 {
        app.ui.say(&Text::new("relay-dropped").with("count", dropped));
    }
    for address in &shape.addresses {
        app.ui.result_text(&Text::new("relay-address").with("address", address.as_str()));
    }
    app.ui.result_text(&Text::new("relay-words").with("words", shape.words));
    app.ui.result_text(&Text::new("relay-folder").with("folder", shape.folder));
    app.ui.say(&Text::new("relay-open"));
}

/// The addresses under which others in this network find this computer.
fn to_type(bound: SocketAddr) -> Vec<String> {
    let mut found: Vec<IpAddr> = Vec::new();
    if bound.ip().is_unspecified() {
        let all = if_addrs::get_if_addrs().unwrap_or_default();
        found.extend(all.into_iter().filter(|one| !one.is_loopback()).map(|one| one.ip()));
        // Nobody types an address of IPv6 where there is another.
        found.retain(IpAddr::is_ipv4);
    }
    if found.is_empty() {
        found.push(bound.ip());
    }
    found.into_iter().map(|address| SocketAddr::new(address, bound.port()).to_string()).collect()
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>, randomness: &mut dyn Randomness) {
    loop {
        let Ok((stream, _)) = listener.accept() else {
            std::thread::sleep(ACCEPT_RETRY);
            continue;
        };
        if *lock(&shared.wrong_words) >= MAX_WRONG_WORDS {
            return;
        }
        if shared.connections.fetch_add(1, Ordering::SeqCst) >= MAX_CONNECTIONS {
            shared.connections.fetch_sub(1, Ordering::SeqCst);
            continue;
        }
        let mut seed = [0; RELAY_SEED_BYTES];
        randomness.fill(&mut seed);
        let with = Arc::clone(shared);
        let begun = std::thread::Builder::new().name("relay-caller".to_owned()).spawn(move || {
            let met = meet(stream, seed, &with);
            with.connections.fetch_sub(1, Ordering::SeqCst);
            if let Some(met) = met {
                with.tell(Note::Met(met));
            }
        });
        if begun.is_err() {
            shared.connections.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

/// One caller, to the end. None: they never showed that they hold the words.
fn meet(stream: TcpStream, seed: [u8; RELAY_SEED_BYTES], shared: &Shared) -> Option<Meeting> {
    let begun = platform::stopwatch();
    let mut frames = Frames::over(stream).ok()?;
    let mut session = RelayServe::new(shared.words.clone(), seed, shared.deployment);
    let mut meeting = Meeting::default();
    loop {
        let event = match frames.receive(deadline(begun, session.is_paired())) {
            Ok(frame) => RelayServeEvent::Received(frame),
            Err(_) => RelayServeEvent::Disconnected,
        };
        let was_paired = session.is_paired();
        let mut wrong_words_left = None;
        let mut effects = if was_paired {
            session.handle(event)
        } else {
            let mut wrong = lock(&shared.wrong_words);
            if *wrong >= MAX_WRONG_WORDS {
                return None;
            }
            let effects = session.handle(event);
            if effects.contains(&RelayServeEffect::WrongWords) {
                *wrong += 1;
                wrong_words_left = Some(MAX_WRONG_WORDS - *wrong);
            }
            effects
        };
        let paired = was_paired || session.is_paired();
        while !effects.is_empty() {
            let mut next = Vec::new();
            for effect in effects {
                match effect {
                    RelayServeEffect::Send(frame) => {
                        // A caller who is gone is noticed at the next reading.
                        let _ = frames.send(&frame, deadline(begun, paired));
                    }
                    RelayServeEffect::Finish => return Some(meeting),
                    RelayServeEffect::Fail(failure) => {
                        meeting.failure = Some(failure);
                        // Once the caller has heard it: the last one ends the serving.
                        if let Some(left) = wrong_words_left {
                            shared.tell(Note::WrongWords { left });
                        }
                        return paired.then_some(meeting);
                    }
                    RelayServeEffect::WrongWords | RelayServeEffect::Paired => {}
                    effect => next.extend(session.handle(on_disk(effect, shared, &mut meeting))),
                }
            }
            effects = next;
        }
    }
}

fn deadline(begun: Instant, is_paired: bool) -> Instant {
    if is_paired {
        (platform::stopwatch() + FRAME_TIMEOUT).min(begun + MEETING_TIMEOUT)
    } else {
        begun + PAIRING_TIMEOUT
    }
}

/// What the session asks of the folder.
fn on_disk(effect: RelayServeEffect, shared: &Shared, meeting: &mut Meeting) -> RelayServeEvent {
    let folder = lock(&shared.folder);
    let mut told = |error: PartError| {
        meeting.trouble.get_or_insert(error);
        RelayRefusal::Trouble
    };
    match effect {
        RelayServeEffect::Check { offered } => {
            let wanted = check(&folder, &offered).map_err(&mut told);
            if let Ok(Ok(wanted)) = &wanted {
                meeting.had += (offered.len() - wanted.len()) as u64;
            }
            RelayServeEvent::Checked(wanted.and_then(|wanted| wanted))
        }
        RelayServeEffect::Keep { part } => RelayServeEvent::Kept(match folder.keep(&part) {
            Ok(Keeping::Kept { dropped }) => {
                meeting.kept += 1;
                meeting.dropped += dropped;
                Ok(())
            }
            Ok(Keeping::Had) => Ok(()),
            Ok(Keeping::Full) => Err(RelayRefusal::Full),
            Ok(Keeping::NotCarried) => Err(RelayRefusal::NotCarried),
            Err(error) => Err(told(error)),
        }),
        RelayServeEffect::List { seat } => {
            RelayServeEvent::Listed(folder.replies_for(seat).map_err(&mut told).unwrap_or_default())
        }
        RelayServeEffect::Load { offer } => {
            RelayServeEvent::Loaded(folder.load(&offer).map_err(&mut told).unwrap_or_default())
        }
        RelayServeEffect::HandedBack { offer } => {
            meeting.handed_back += 1;
            if let Err(error) = folder.forget_offered(&offer) {
                told(error);
            }
            RelayServeEvent::Forgotten
        }
        RelayServeEffect::Send(_)
        | RelayServeEffect::WrongWords
        | RelayServeEffect::Paired
        | RelayServeEffect::Finish
        | RelayServeEffect::Fail(_) => RelayServeEvent::Disconnected,
    }
}

/// Which of these parts are not here yet, if there is room for them.
fn check(
    folder: &CarriedFolder,
    offered: &[PartOffer],
) -> Result<Result<Vec<usize>, RelayRefusal>, PartError> {
    let mut wanted = Vec::new();
    let mut bytes = 0;
    for (place, offer) in offered.iter().enumerate() {
        if !folder.has(offer)? {
            wanted.push(place);
            bytes += offer.size_bytes;
        }
    }
    let has_room = wanted.is_empty() || folder.has_room_for(wanted.len(), bytes)?;
    Ok(if has_room { Ok(wanted) } else { Err(RelayRefusal::Full) })
}

/// Tells what happens, until nobody comes any more or somebody guesses at the words.
fn follow(app: &mut App, args: &Args, notes: &Receiver<Note>, shared: &Shared) -> RelayServedShape {
    let idle = Duration::from_secs(60) * args.idle;
    let mut served = RelayServedShape { taken: 0, handed_back: 0, dropped: 0, meetings: 0, ended: "idle" };
    loop {
        match notes.recv_timeout(idle) {
            Ok(Note::WrongWords { left }) => {
                app.ui.say(&Text::new("relay-wrong-words").with("left", left));
                if left == 0 {
                    served.ended = "wrong_words";
                    return served;
                }
            }
            Ok(Note::Met(meeting)) => {
                served.meetings += 1;
                served.taken += meeting.kept;
                served.handed_back += meeting.handed_back;
                served.dropped += meeting.dropped;
                tell(app, meeting);
            }
            Err(RecvTimeoutError::Timeout) if shared.connections.load(Ordering::SeqCst) > 0 => {}
            Err(_) => return served,
        }
    }
}

fn tell(app: &mut App, meeting: Meeting) {
    let text = Text::new("relay-met").with("taken", meeting.kept).with("had", meeting.had);
    app.ui.say(&text.with("handed_back", meeting.handed_back));
    if meeting.dropped > 0 {
        app.ui.say(&Text::new("relay-dropped").with("count", meeting.dropped));
    }
    let trouble = meeting.trouble.map(Failure::from);
    if let Some(failure) = trouble.or_else(|| meeting.failure.map(Failure::from)) {
        let reason = app.ui.text(&failure.message);
        app.ui.say(&Text::new("relay-cut").with("reason", reason));
    }
}

fn close(app: &mut App, served: &RelayServedShape) -> Result<(), Failure> {
    if served.ended == "wrong_words" {
        let text = Text::new("error-relay-guessed").with("tries", MAX_WRONG_WORDS);
        return Err(Failure::new(Kind::Refused, text).hint(Text::new("hint-relay-guessed")));
    }
    if !app.ui.json(served) {
        let text = Text::new("relay-closed").with("taken", served.taken);
        app.ui.result_text(&text.with("handed_back", served.handed_back));
    }
    Ok(())
}
