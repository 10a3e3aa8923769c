use super::*;
use crate::plot::tests::assert_well_formed;

/// Lines of the picture that hold `text`.
fn count(svg: &str, text: &str) -> usize {
    svg.lines().filter(|line| line.contains(text)).count()
}

/// For looking at, where a folder is named.
fn keep(name: &str, svg: &str) {
    if let Some(folder) = std::env::var_os("PICTURES") {
        std::fs::write(std::path::Path::new(&folder).join(name), svg).unwrap();
    }
}

#[test]
fn the_picture_has_points_a_legend_and_the_ellipses_of_the_prior() {
    let plan = Plan { components: true, ..Plan::default() };
    let latents = seen(&plan, &GAUSSIAN);
    let svg = picture(&latents).unwrap();
    keep("prior.svg", &svg);
    assert_well_formed(&svg);
    assert!(svg.contains("planted &lt;&amp;&gt; grown, evaluation 7"), "names are escaped");
    for words in ["base task 0", "base task 3", "by component of the prior", "purity 1.00"] {
        assert!(svg.contains(words), "{words}");
    }
    assert!(
        svg.contains("principal component 1: 5"),
        "two planted axes of about the same variance"
    );
    let points = 2 * latents.moments.len();
    let circles = svg.matches("<circle").count();
    assert!(
        circles > points && circles < points + 20,
        "{circles} for {points} points and a legend"
    );
    let plain = picture(&Latents {
        clusters: Clusters { origin: Origin::Prior, components: Vec::new() },
        ..latents
    });
    let ellipses = svg.matches("<polyline").count() - plain.unwrap().matches("<polyline").count();
    assert!(ellipses >= 2 * 4 * 2, "1 and 2 σ of four components in both charts, got {ellipses}");
}

#[test]
fn scales_fits_and_latents_of_one_number_can_be_drawn_too() {
    let plans = [
        ("scale.svg", Plan { base_tasks: false, tasks: 25, ..Plan::default() }, "goal"),
        ("one.svg", Plan { latent: 1, ..Plan::default() }, "step of the episode"),
        ("fitted.svg", Plan { latent: 8, ..Plan::default() }, "fitted to these beliefs"),
        (
            "few.svg",
            Plan { base_tasks: false, tasks: 2, scale: 0.0, ..Plan::default() },
            "goal -9.00",
        ),
    ];
    for (name, plan, words) in plans {
        let svg = picture(&seen(&plan, &GAUSSIAN)).unwrap();
        keep(name, &svg);
        assert_well_formed(&svg);
        assert!(svg.contains(words), "{name}: {words}");
        assert!(!svg.contains("NaN"), "{name}");
    }
}

#[test]
fn the_story_of_a_task_marks_where_the_task_in_force_changes() {
    let story = |changes| {
        let latents = seen(&Plan { changes, ..Plan::default() }, &GAUSSIAN);
        over_time(&latents, "test-2".parse().unwrap()).unwrap()
    };
    let (still, changing) = (story(false), story(true));
    keep("over-time.svg", &changing);
    assert_well_formed(&changing);
    for words in
        ["test-2, base task 2", "test-3, base task 3", "z1", "z3", "one adaptation episode"]
    {
        assert!(changing.contains(words), "{words}");
    }
    assert!(!still.contains("test-3"));
    // Each of two episodes has a second stretch with its field and its stripe.
    assert_eq!(count(&changing, "<rect") - count(&still, "<rect"), 4);
    let latents = seen(&Plan::default(), &GAUSSIAN);
    let error = over_time(&latents, "test-50".parse().unwrap()).unwrap_err().to_string();
    assert!(error.contains("train-0, train-1") && error.contains("got test-50"), "{error}");
}
