//! Searches on simulated devices.

use proptest::prelude::*;

use super::*;

/// A device that forwards what `capacity` says of each trial: frames per
/// second, by the load, the seconds and the number of the trial.
struct Simulated<C>(C, u64);

fn device<C: FnMut(f64, f64, u64) -> f64>(capacity: C) -> Simulated<C> {
    Simulated(capacity, 0)
}

impl<C: FnMut(f64, f64, u64) -> f64> Tester for Simulated<C> {
    fn trial(&mut self, load: f64, seconds: f64) -> Result<Trial, Failure> {
        let rate = (self.0)(load, seconds, self.1).clamp(0.0, load);
        self.1 += 1;
        let offered = (load * seconds) as u64;
        let forwarded = ((rate * seconds) as u64).min(offered);
        let lost = offered - forwarded;
        Ok(Trial { load, seconds, offered, forwarded, lost })
    }
}

const LIMITS: Limits = Limits { min: 9e3, max: 30e6, seconds: 3e3 };

const BOTH: [Goal; 2] = [Goal::NDR, Goal::PDR];

fn found(tester: &mut dyn Tester) -> Found {
    search(&BOTH, LIMITS, tester, &mut || true).expect("a result")
}

/// Whether bounds lie around `load`, as close as they are to.
fn assert_around(result: &GoalResult, load: f64) {
    assert_eq!(result.shape, Shape::Regular, "{result:?}");
    let (lower, upper) = (result.lower.unwrap(), result.upper.unwrap());
    let slack = 1e-6;
    assert!(lower <= load * (1.0 + slack), "{result:?}, {load}");
    assert!(upper >= load * (1.0 - slack), "{result:?}, {load}");
    let width = (upper - lower) / upper;
    assert!(width <= result.goal.width * (1.0 + slack), "{result:?}");
}

#[test]
fn a_perfect_device_is_found_within_the_width() {
    for capacity in [20e3, 1.234e6, 14.88e6, 29.5e6] {
        let found = found(&mut device(|_, _, _| capacity));
        assert_eq!(found.end, End::Complete);
        assert_around(&found.goals[0], capacity);
        // A load is still good if it loses half a per cent.
        assert_around(&found.goals[1], capacity / 0.995);
        assert!(found.trials.len() < 150, "{}", found.trials.len());
        for result in &found.goals {
            let rate = result.conditional_throughput.unwrap();
            let lower = result.lower.unwrap();
            let least = lower * (1.0 - result.goal.loss_ratio);
            assert!(rate <= lower && rate >= least * 0.999_999, "{result:?}");
        }
    }
}

#[test]
fn a_noisy_capacity_is_found_at_its_median() {
    let mut rng = fastrand::Rng::with_seed(1);
    for _ in 0..20 {
        let mut noisy =
            device(|_, _, _| 10e6 * (1.0 + 0.02 * (rng.f64() - 0.5)));
        let found = found(&mut noisy);
        assert_eq!(found.end, End::Complete);
        let lower = found.goals[0].lower.unwrap();
        assert!((lower / 10e6 - 1.0).abs() < 0.01, "{:?}", found.goals);
    }
}

#[test]
fn loss_that_never_ends_leaves_ndr_without_a_lower_bound() {
    let mut leaky = device(|load, _, _| (load * 0.999).min(5e6));
    let found = found(&mut leaky);
    let [ndr, pdr] = found.goals[..] else { panic!("{found:?}") };
    assert_eq!(ndr.shape, Shape::NoLower);
    assert_eq!((ndr.lower, ndr.upper), (None, Some(LIMITS.min)));
    assert_eq!(ndr.conditional_throughput, None);
    assert_around(&pdr, 5e6 / 0.995);
    assert_eq!(found.end, End::Complete);
}

#[test]
fn a_device_that_carries_all_has_no_upper_bound() {
    let found = found(&mut device(|load, _, _| load));
    for result in &found.goals {
        assert_eq!(result.shape, Shape::NoUpper);
        assert_eq!((result.lower, result.upper), (Some(LIMITS.max), None));
        assert_eq!(result.conditional_throughput, Some(LIMITS.max));
    }
    assert_eq!(found.end, End::Complete);
}

#[test]
fn a_device_that_loses_more_above_its_knee_is_found_at_the_knee() {
    let knee = 7e6;
    let mut falling = device(|load, _, _| match load > knee {
        true => knee - (load - knee) / 3.0,
        false => load,
    });
    let found = found(&mut falling);
    assert_around(&found.goals[0], knee);
    assert!(found.goals[1].lower >= found.goals[0].lower);
}

#[test]
fn less_than_half_of_bad_trials_are_tolerated_and_more_are_not() {
    // Of trials at loads between the two, so many of ten lose something.
    let lower_with = |bad: u64| {
        let mut moody = device(|load, _, n| match load {
            load if load > 8e6 => 8e6,
            load if load > 4e6 && n * 7 % 10 < bad => load * 0.99,
            load => load,
        });
        found(&mut moody).goals[0].lower.unwrap()
    };
    assert!(lower_with(3) > 7.9e6, "{}", lower_with(3));
    assert!(lower_with(7) < 4.1e6, "{}", lower_with(7));
    // None are with a ratio of nothing.
    let strict = [Goal { exceed_ratio: 0.0, ..Goal::NDR }];
    let mut once = device(|load, _, n| match n % 5 {
        0 if load > 4e6 => load * 0.99,
        _ => load.min(8e6),
    });
    let found = search(&strict, LIMITS, &mut once, &mut || true).unwrap();
    assert!(found.goals[0].lower.unwrap() < 4.1e6, "{:?}", found.goals);
}

#[test]
fn short_trials_show_the_way_and_long_ones_decide() {
    // Queues swallow a short overload.
    let mut deep = device(|_, seconds, _| 6e6 + 2e5 / seconds);
    let goals = BOTH.map(|goal| Goal { initial_seconds: 0.125, ..goal });
    let found = search(&goals, LIMITS, &mut deep, &mut || true).unwrap();
    assert_around(&found.goals[0], 6.2e6);
    assert!(found.trials.iter().any(|trial| trial.seconds < 1.0));
}

#[test]
fn a_search_that_is_stopped_tells_what_it_knows() {
    let whole = found(&mut device(|_, _, _| 3e6)).trials.len();
    for trials in [0, 1, 2, 3, 10, whole - 1] {
        let mut left = trials;
        let mut keep_going = || {
            left -= i64::from(left > 0) as usize;
            left > 0
        };
        let mut tester = device(|_, _, _| 3e6);
        let found = search(&BOTH, LIMITS, &mut tester, &mut keep_going);
        let found = found.unwrap();
        assert_eq!(found.end, End::Stopped);
        assert_eq!(found.trials.len(), trials.saturating_sub(1));
        let shapes: Vec<_> = found.goals.iter().map(|g| g.shape).collect();
        assert!(shapes.contains(&Shape::Unfinished), "{found:?}");
    }
}

#[test]
fn a_search_keeps_to_its_seconds() {
    for seconds in [0.5, 1.0, 20.0, 30.0] {
        let limits = Limits { seconds, ..LIMITS };
        let mut tester = device(|_, _, _| 3e6);
        let found = search(&BOTH, limits, &mut tester, &mut || true).unwrap();
        assert_eq!(found.end, End::OutOfTime);
        assert!(found.seconds() <= seconds);
    }
}

#[test]
fn what_makes_no_sense_is_one_line() {
    let line = |goals: &[Goal], limits| {
        let mut tester = device(|load, _, _| load);
        let failure = search(goals, limits, &mut tester, &mut || true);
        failure.expect_err("refused").to_string()
    };
    assert!(line(&[], LIMITS).contains("needs a goal"));
    let bad = [Goal { width: 2.0, ..Goal::NDR }];
    assert!(line(&bad, LIMITS).contains("width"));
    assert!(line(&BOTH, Limits { min: 5e7, ..LIMITS }).contains("ascend"));
    assert!(line(&BOTH, Limits { seconds: 0.0, ..LIMITS }).contains("above"));
    let short = BOTH.map(|goal| goal.scaled(1e-5));
    assert!(line(&short, LIMITS).contains("not even a frame"));
}

#[test]
fn a_tester_that_loses_count_ends_the_search() {
    struct Wrong(fn(&mut Trial));
    impl Tester for Wrong {
        fn trial(&mut self, load: f64, seconds: f64) -> Result<Trial, Failure> {
            let mut trial = device(|_, _, _| 1e6).trial(load, seconds)?;
            (self.0)(&mut trial);
            Ok(trial)
        }
    }
    let wrongs: [fn(&mut Trial); 3] =
        [|t| t.lost += 1, |t| t.load *= 2.0, |t| t.seconds = 7.0];
    for wrong in wrongs {
        let found = search(&BOTH, LIMITS, &mut Wrong(wrong), &mut || true);
        assert!(found.is_err());
    }
}

/// Devices from honest to absurd: a capacity, noise, and how far the loss of
/// a trial is a matter of chance.
fn absurd(
    capacity: f64,
    noise: f64,
    chance: f64,
    seed: u64,
) -> Simulated<impl FnMut(f64, f64, u64) -> f64> {
    let mut rng = fastrand::Rng::with_seed(seed);
    device(move |load, _, _| match rng.f64() < chance {
        true => load * rng.f64(),
        false => capacity * (1.0 + noise * (rng.f64() - 0.5)),
    })
}

/// Trials that are enough for any device.
const ENOUGH: usize = 2500;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn whatever_the_device_bounds_are_in_order_and_trials_have_an_end(
        capacity in 1e4..40e6_f64,
        noise in 0.0..1.0_f64,
        chance in 0.0..1.0_f64,
        seed: u64,
        exceed in 0.0..0.9_f64,
    ) {
        let goals = BOTH.map(|goal| Goal { exceed_ratio: exceed, ..goal });
        let limits = Limits { seconds: 1e9, ..LIMITS };
        let mut tester = absurd(capacity, noise, chance, seed);
        let found = search(&goals, limits, &mut tester, &mut || true).unwrap();
        prop_assert_eq!(found.end, End::Complete);
        prop_assert!(found.trials.len() < ENOUGH, "{}", found.trials.len());
        for result in &found.goals {
            prop_assert!(result.shape != Shape::Unfinished, "{:?}", result);
            if let (Some(lower), Some(upper)) = (result.lower, result.upper) {
                prop_assert!(lower < upper);
            }
            if let Some(lower) = result.lower {
                let rate = result.conditional_throughput.unwrap();
                let least = lower * (1.0 - result.goal.loss_ratio);
                prop_assert!(rate >= least - 1e-6 && rate <= lower);
            }
        }
    }

    #[test]
    fn the_order_of_goals_does_not_matter(
        capacity in 1e4..40e6_f64,
        noise in 0.0..0.2_f64,
        chance in 0.0..0.3_f64,
        seed: u64,
        rotation in 0..4_usize,
    ) {
        let goals = [
            Goal::NDR,
            Goal::PDR,
            Goal { loss_ratio: 0.02, width: 0.02, ..Goal::NDR },
            Goal { initial_seconds: 0.25, exceed_ratio: 0.1, ..Goal::PDR },
        ];
        let run = |goals: &[Goal]| {
            let mut tester = absurd(capacity, noise, chance, seed);
            search(goals, LIMITS, &mut tester, &mut || true).unwrap()
        };
        let mut turned = goals;
        turned.rotate_left(rotation);
        let mut other = run(&turned);
        other.goals.rotate_right(rotation);
        prop_assert_eq!(run(&goals), other);
    }
}
