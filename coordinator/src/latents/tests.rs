mod planted;
mod drawing;
mod kept;

use super::*;
use planted::{Plan, evaluation, family};
use proto::v1;
use types::Split;
use types::experiment::{Choose, Posterior, Variance};

const GAUSSIAN: Posterior = Posterior::Gaussian { variance: Variance::Softplus };
const MIXTURE: Posterior = Posterior::Mixture { components: 4, choose: Choose::Likeliest };
/// Divides nothing.
const ONE_COMPONENT: Posterior = Posterior::Mixture { components: 1, choose: Choose::Likeliest };

fn seen(plan: &Plan, posterior: &Posterior) -> Latents {
    Latents::of(&evaluation(plan), &family(plan), posterior).unwrap().unwrap()
}

#[test]
fn the_plane_of_planted_points_is_found_with_its_variances_and_a_sign() {
    // Along u = (3, 4, 0, 0) / 5 with variance 4, along v = (0, 0, 0, -1) with variance 1, around an
    // offset.
    let rows: Vec<Vec<f32>> = (0..400)
        .map(|i| {
            let angle = std::f32::consts::TAU * i as f32 / 400.0;
            let (along_u, along_v) = (8.0f32.sqrt() * angle.cos(), 2.0f32.sqrt() * angle.sin());
            vec![7.0 + 0.6 * along_u, -2.0 + 0.8 * along_u, 5.0, 1.0 - along_v]
        })
        .collect();
    let rows: Vec<&[f32]> = rows.iter().map(Vec::as_slice).collect();
    let pca = Pca::of(&rows);
    let expected = [[0.6, 0.8, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]];
    for (axis, expected) in pca.axes().iter().zip(expected) {
        assert!(axis.iter().zip(expected).all(|(a, e)| (a - e).abs() < 1e-5), "{axis:?}");
    }
    let [first, second] = pca.explained();
    assert!((first - 0.8).abs() < 1e-5 && (second - 0.2).abs() < 1e-5, "{first} {second}");
    let (x, y) = pca.project([7.0 + 0.6, -2.0 + 0.8, 5.0, 3.0]);
    assert!((x - 1.0).abs() < 1e-5 && (y - 2.0).abs() < 1e-5, "{x} {y}");
    let (xx, xy, yy) = pca.project_variance(&[1.0, 2.0, 50.0, 3.0]);
    assert!((xx - (0.36 + 1.28)).abs() < 1e-4 && xy.abs() < 1e-4 && (yy - 3.0).abs() < 1e-4);
}

#[test]
fn eigenvectors_diagonalise_any_symmetric_matrix() {
    // Entries without a pattern, of a full matrix and of one with equal eigenvalues.
    let full: Vec<Vec<f64>> = (0..9)
        .map(|i| (0..9).map(|j| f64::from((i * j * 31 + i + j) % 17) - 8.0).collect())
        .collect();
    let twice = vec![vec![2.0, 0.0, 1.0], vec![0.0, 3.0, 0.0], vec![1.0, 0.0, 2.0]];
    for matrix in [full, twice] {
        let eigen = eigen::symmetric(matrix.clone());
        assert!(eigen.values.is_sorted_by(|a, b| a >= b), "{:?}", eigen.values);
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        for (value, vector) in eigen.values.iter().zip(&eigen.vectors) {
            assert!((dot(vector, vector) - 1.0).abs() < 1e-12);
            for (row, x) in matrix.iter().zip(vector) {
                assert!((dot(row, vector) - value * x).abs() < 1e-10, "{value}");
            }
        }
    }
}

#[test]
fn the_last_episode_after_its_first_quarter_is_looked_at() {
    let latents = seen(&Plan::default(), &GAUSSIAN);
    let scored: Vec<(u32, u32)> =
        latents.scored().take(4).map(|moment| (moment.episode, moment.step)).collect();
    // Moments at 0, 20, 40, 60, 80 and 100 of 100 steps, two episodes.
    assert_eq!(scored, [(1, 40), (1, 60), (1, 80), (1, 100)]);
    assert_eq!(latents.moments.len(), 3 * latents.scored().count());
}

#[test]
fn clusters_come_from_the_posterior_the_prior_or_a_fit_in_this_order() {
    let plan = Plan { components: true, ..Plan::default() };
    let told = seen(&plan, &MIXTURE);
    assert_eq!(told.clusters.origin, Origin::Posterior);
    assert!(told.moments.iter().all(|moment| moment.cluster == moment.component));
    // The prior's components are planted in the reverse order of the base tasks.
    let prior = seen(&plan, &GAUSSIAN);
    assert_eq!(prior.clusters.origin, Origin::Prior);
    let reversed = |moment: &Moment| Some(3 - moment.cluster) == moment.base_task;
    assert!(prior.scored().all(reversed));
    let fitted = seen(&Plan::default(), &ONE_COMPONENT);
    assert_eq!(fitted.clusters.origin, Origin::Fitted);
    for latents in [prior, fitted] {
        let scores = ClusterScores::of(&latents).unwrap().unwrap();
        assert_eq!((scores.purity, scores.adjusted_rand), (1.0, 1.0), "{:?}", latents.clusters);
        assert_eq!((scores.clusters, scores.classes), (4, 4));
    }
    // In the plan, components are the base tasks, two and two.
    let scores = ClusterScores::of(&told).unwrap().unwrap();
    assert_eq!((scores.purity, scores.clusters), (0.5, 2));
}

#[test]
fn a_fit_does_not_depend_on_the_unit_of_the_latent() {
    let scores = |scale| {
        let latents = seen(&Plan { scale, ..Plan::default() }, &GAUSSIAN);
        let widest = latents.clusters.components.iter().flat_map(|c| &c.mean).copied();
        (ClusterScores::of(&latents).unwrap(), widest.fold(0.0, f64::max))
    };
    let ((as_planted, place), (a_thousandth, small)) = (scores(1.0), scores(0.001));
    assert_eq!(as_planted, a_thousandth);
    assert!((small / place - 0.001).abs() < 1e-5, "components are told in the latent's own unit");
}

#[test]
fn without_base_tasks_few_tasks_are_classes_and_many_are_a_scale() {
    // The same goals in both splits are the same tasks.
    let few = Plan { base_tasks: false, tasks: 6, ..Plan::default() };
    let scores = ClusterScores::of(&seen(&few, &GAUSSIAN)).unwrap().unwrap();
    assert_eq!(scores.classes, 6);
    let many = Plan { tasks: 20, ..few };
    let latents = seen(&many, &GAUSSIAN);
    assert_eq!(ClusterScores::of(&latents).unwrap(), None);
    let classes::Classes::Scale { name, of } = classes::Classes::of(&latents) else {
        panic!("twenty tasks are a scale");
    };
    assert_eq!(name, "goal", "the first parameter that differs");
    assert_eq!((of[0], of.last()), (-10.0, Some(&9.0)));
    let one = Plan { tasks: 1, base_tasks: true, ..Plan::default() };
    assert_eq!(ClusterScores::of(&seen(&one, &GAUSSIAN)).unwrap(), None, "one kind is no choice");
}

#[test]
fn beliefs_that_do_not_fit_together_are_refused() {
    let right = evaluation(&Plan { components: true, ..Plan::default() });
    check(&right).unwrap();
    let refused = |wrong: &dyn Fn(&mut v1::Evaluation), wanted: &str| {
        let mut evaluation = right.clone();
        wrong(&mut evaluation);
        let text = check(&evaluation).unwrap_err().to_string();
        assert!(text.contains(wanted), "expected {wanted:?} in {text:?}");
    };
    let belief = |e: &mut v1::Evaluation, change: &dyn Fn(&mut v1::Belief)| {
        change(&mut e.tasks[1].episodes[1].beliefs[2]);
    };
    refused(&|e| belief(e, &|b| b.mean[0] = f32::NAN), "belief");
    refused(&|e| belief(e, &|b| b.variance.truncate(1)), "belief.variance");
    refused(&|e| belief(e, &|b| (b.mean, b.variance) = (vec![0.0], vec![1.0])), "3 numbers");
    refused(&|e| e.components[0].mean.push(0.0), "component.mean");
    refused(&|e| e.components[1].variance[1] = 0.0, "variance above 0");
    refused(&|e| e.components[1].weight = -0.5, "weight");
    let plan = Plan::default();
    let mut unknown = evaluation(&plan);
    unknown.tasks[0].episodes[0].beliefs[0].task = 99;
    let error = Latents::of(&unknown, &family(&plan), &GAUSSIAN).unwrap_err().to_string();
    assert!(error.contains("train-99") && error.contains("planted"), "{error}");
}
