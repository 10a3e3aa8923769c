//! Tasks inferred from sets, once per episode.

use super::*;

/// The factors of everything in `context`.
fn posterior(spec: &AgentSpec, version: Version, context: &[f32]) -> nets::Posterior {
    let mut posterior = nets::Posterior::new(2);
    let mut agent = telling_agent(spec, version.0);
    agent.encoder_mut().infer(context, &mut posterior).unwrap();
    assert_eq!(posterior.factors(), context.len() / 9);
    posterior
}

/// z of every episode is what the transitions seen so far say, through the encoder whose version
/// the chunks carry, however often weights changed on the way.
#[test]
fn latents_come_from_the_product_over_the_context_so_far() {
    let spec = Fake::agent_spec();
    let trials: Vec<Trial> = (0..6).map(|id| trial(id, Purpose::Train, PEARL)).collect();
    let fake = Fake { terminates: 0.0, ..QUIET };
    for swaps in [&[][..], &[15, 40, 41, 77][..]] {
        let played = play_with_swaps(&spec, fake, 4, &trials, swaps);
        for trial in &trials {
            let mut context = Vec::new();
            for number in 0..trial.episodes() {
                let cut = &played.cuts[&(trial.id.0, number, 0)];
                let mut noise = stream(trial.seed, Role::Latent, number.into(), 0);
                let mut z = [0.0; 2];
                nets::gaussian::fill_standard_normal(&mut noise, &mut z);
                let phase = trial.phase_of(number).unwrap();
                if phase.latent == LatentSource::Posterior {
                    posterior(&spec, cut.encoder_version, &context).shift(&mut z).unwrap();
                }
                let told = cut.segment.actions()[0];
                assert!((told - z[0].tanh()).abs() < 1e-5, "{told} {z:?}");
                if phase.context {
                    context.extend(context_rows(&played, trial, number));
                }
            }
        }
    }
}

/// Beliefs are taken at evenly spaced moments and at the end, from the context so far.
#[test]
fn beliefs_are_the_posterior_of_the_context_so_far() {
    let spec = Fake::agent_spec();
    let fake = Fake { terminates: 0.03, horizon: 12, ..QUIET };
    let asking = |id| Trial { beliefs: 4, ..trial(id, Purpose::Train, PEARL) };
    let trials: Vec<Trial> = (0..8).map(asking).collect();
    let played = play_with_swaps(&spec, fake, 4, &trials, &[]);
    for trial in &trials {
        let mut context = Vec::new();
        for (number, episode) in (0..).zip(&played.outcomes[&trial.id.0].episodes) {
            let mut steps: Vec<u32> = (3..=12).step_by(3).filter(|&s| s < episode.length).collect();
            steps.push(episode.length);
            assert_eq!(episode.beliefs.iter().map(|b| b.step).collect::<Vec<_>>(), steps);
            let rows = context_rows(&played, trial, number);
            let kept = trial.phase_of(number).unwrap().context;
            for belief in &episode.beliefs {
                let seen = if kept { belief.step as usize * 9 } else { 0 };
                let all = [context.as_slice(), &rows[..seen]].concat();
                let expected = posterior(&spec, Version(1), &all);
                assert!(close(&belief.mean, &expected.mean(), 1e-5), "{belief:?} {expected:?}");
                assert!(close(&belief.variance, &expected.variance(), 1e-5));
                assert_eq!((belief.task, belief.component), (trial.task.index, 0));
            }
            if kept {
                context.extend(rows);
            }
        }
    }
}
