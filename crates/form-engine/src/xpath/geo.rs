//! `distance()`, `area()`, `geofence()` and `intersects()` over ODK's points: `latitude longitude altitude accuracy`,
//! separated by semicolons.
//!
//! Distances are great circles on a sphere of the equatorial radius (haversine), areas are those of a spherical polygon
//! (Chamberlain and Duquette, "Some algorithms for polygons on a sphere", JPL 2007, equation 1); both rounded to
//! hundredths, as in ODK's engines.

use std::borrow::Cow;

/// Metres: the equatorial radius that ODK's engines reckon with.
const RADIUS: f64 = 6_378_100.0;

/// Points of a line that is looked at for crossings, which compares each side with each: an hour's walk has 3,600.
const MAX_CROSSING_POINTS: usize = 10_000;

/// Latitude and longitude in degrees.
type Point = (f64, f64);

/// Metres along a trace; NaN when a point is none, or there is no line.
pub(crate) fn distance(texts: &[Cow<'_, str>]) -> f64 {
    let Some(points) = points_of(texts) else { return f64::NAN };
    let legs = points.windows(2).map(|leg| leg_of(leg[0], leg[1]));
    hundredths(legs.sum::<f64>() + 0.0)
}

fn leg_of(from: Point, to: Point) -> f64 {
    let half = |degrees: f64| (degrees.to_radians() / 2.0).sin().powi(2);
    let (a, b) = (from.0.to_radians(), to.0.to_radians());
    let haversine = half(to.0 - from.0) + a.cos() * b.cos() * half(to.1 - from.1);
    2.0 * RADIUS * haversine.sqrt().min(1.0).asin()
}

/// Square metres inside a shape; none when a point is none.
pub(crate) fn area(texts: &[Cow<'_, str>]) -> f64 {
    let Some(mut points) = points_of(texts) else { return 0.0 };
    if points.len() < 3 {
        return 0.0;
    }
    if points.first() != points.last() {
        points.push(points[0]);
    }
    let sum: f64 = points
        .windows(2)
        .map(|side| {
            let width = (side[1].1 - side[0].1).to_radians();
            width * (2.0 + side[0].0.to_radians().sin() + side[1].0.to_radians().sin())
        })
        .sum();
    hundredths((sum * RADIUS * RADIUS / 2.0).abs())
}

/// True if the point is inside the shape, which ends where it begins; on its edge it is not. None when the point is
/// none.
pub(crate) fn is_within(point: &str, shape: &str) -> Option<bool> {
    let point = point_of(point)?;
    let shape = points(shape).unwrap_or_default();
    let mut inside = false;
    if shape.first() != shape.last() {
        return Some(false);
    }
    for side in shape.windows(2) {
        let ((y1, x1), (y2, x2)) = (side[0], side[1]);
        if (y1 > point.0) != (y2 > point.0) && point.1 < (x2 - x1) * (point.0 - y1) / (y2 - y1) + x1 {
            inside = !inside;
        }
    }
    Some(inside)
}

/// True if two sides of a trace or shape that are not neighbours meet; false for more than [`MAX_CROSSING_POINTS`].
pub(crate) fn intersects(trace: &str) -> bool {
    let Some(points) = points(trace).filter(|points| points.len() <= MAX_CROSSING_POINTS) else {
        return false;
    };
    let sides: Vec<&[Point]> = points.windows(2).collect();
    let is_closed = points.len() > 3 && points.first() == points.last();
    sides.iter().enumerate().any(|(at, side)| {
        sides.iter().enumerate().skip(at + 2).any(|(other_at, other)| {
            let neighbours = is_closed && at == 0 && other_at == sides.len() - 1;
            !neighbours && cross(side, other)
        })
    })
}

fn cross(a: &[Point], b: &[Point]) -> bool {
    let turn = |p: Point, q: Point, r: Point| (q.1 - p.1) * (r.0 - p.0) - (q.0 - p.0) * (r.1 - p.1);
    let between = |p: Point, q: Point, r: Point| {
        r.0 >= p.0.min(q.0) && r.0 <= p.0.max(q.0) && r.1 >= p.1.min(q.1) && r.1 <= p.1.max(q.1)
    };
    let (a1, a2, b1, b2) = (a[0], a[1], b[0], b[1]);
    let (t1, t2, t3, t4) = (turn(a1, a2, b1), turn(a1, a2, b2), turn(b1, b2, a1), turn(b1, b2, a2));
    (t1 * t2 < 0.0 && t3 * t4 < 0.0)
        || (t1 == 0.0 && between(a1, a2, b1))
        || (t2 == 0.0 && between(a1, a2, b2))
        || (t3 == 0.0 && between(b1, b2, a1))
        || (t4 == 0.0 && between(b1, b2, a2))
}

/// One text is a trace; several are a point each.
fn points_of(texts: &[Cow<'_, str>]) -> Option<Vec<Point>> {
    match texts {
        [one] => points(one),
        several => several.iter().map(|text| point_of(text)).collect(),
    }
    .filter(|points| !points.is_empty())
}

fn points(trace: &str) -> Option<Vec<Point>> {
    let texts = trace.trim().trim_end_matches(';').split(';');
    texts.map(|text| point_of(text.trim())).collect()
}

fn point_of(text: &str) -> Option<Point> {
    let mut parts = text.split_whitespace().map(|part| part.parse::<f64>().ok());
    let (latitude, longitude) = (parts.next()??, parts.next()??);
    let fits = latitude.abs() <= 90.0 && longitude.abs() <= 180.0 && parts.all(|part| part.is_some());
    fits.then_some((latitude, longitude))
}

fn hundredths(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_degree_of_the_equator_is_a_hundred_and_eleven_kilometres() {
        assert_eq!(distance(&["0 0;0 1".into()]), 111_318.85);
        assert_eq!(area(&["90 0;90 1".into()]), 0.0);
        assert!(distance(&["a".into()]).is_nan());
    }

    #[test]
    fn a_point_is_inside_or_not_and_a_bow_tie_meets_itself() {
        let square = "0 0;0 1;1 1;1 0;0 0";
        assert_eq!(is_within("0.5 0.5", square), Some(true));
        assert_eq!(is_within("0.5 2", square), Some(false));
        assert!(!intersects(square));
        assert!(intersects("0 0;1 1;1 0;0 1"));
    }
}
