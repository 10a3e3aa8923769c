use super::*;

fn run(experiment: &str, points: &[(f64, f64)]) -> Run {
    let points = points.iter().map(|(env_steps, value)| Point {
        env_steps: *env_steps,
        train: Some(value + 1.0),
        test: Some(*value),
    });
    Run { experiment: experiment.to_owned(), points: points.collect(), reference: None }
}

#[test]
fn only_rows_with_a_return_are_points() {
    let table = "wall_s,env_steps,updates,train_return,test_return\n\
        1,0,0,,\n2,100,5,-3.5,-4\n3,200,9,,NaN\n4,300,9,,-2\n";
    let points = parse(table).unwrap();
    let expected = [
        Point { env_steps: 100.0, train: Some(-3.5), test: Some(-4.0) },
        Point { env_steps: 300.0, train: None, test: Some(-2.0) },
    ];
    assert_eq!(points, expected);
    assert_eq!(parse("wall_s\n"), Err("no column env_steps".to_owned()));
}

#[test]
fn runs_of_one_experiment_become_a_band_and_are_interpolated() {
    let runs = [
        run("a", &[(0.0, 0.0), (200.0, 2.0)]),
        run("a", &[(0.0, 2.0), (100.0, 5.0)]),
        run("b", &[(0.0, 9.0)]),
    ];
    let groups = group(&runs);
    assert_eq!((groups.len(), groups[0].runs, groups[1].runs), (2, 2, 1));
    let spread = |env_steps, mean, low, high| Spread { env_steps, mean, low, high };
    let expected =
        [spread(0.0, 1.0, 0.0, 2.0), spread(100.0, 3.0, 1.0, 5.0), spread(200.0, 2.0, 2.0, 2.0)];
    assert_eq!(groups[0].test, expected);
}

#[test]
fn the_picture_is_well_formed_and_holds_the_curves() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("curve.svg");
    let runs = [
        run("pearl <&> point", &[(0.0, -50.0), (1000.0, -20.0), (2000.0, -10.0)]),
        run("pearl <&> point", &[(0.0, -52.0), (1000.0, -25.0), (2000.0, -8.0)]),
        run("one evaluation", &[(500.0, -30.0)]),
    ];
    draw(&group(&runs), None, &file).unwrap();
    let svg = std::fs::read_to_string(&file).unwrap();
    assert_well_formed(&svg);
    assert!(svg.contains("pearl &lt;&amp;&gt; point"), "names are escaped");
    let bands = svg.matches("<polygon").count();
    assert_eq!(bands, 1, "a band for the experiment with two runs");
    let points = |line: &str| line.matches(' ').count();
    let longest = svg.lines().filter(|l| l.contains("<polyline")).map(points).max();
    assert!(longest.unwrap() >= 3, "a curve through three points");
}

/// Every tag that is opened is closed, in order.
pub(crate) fn assert_well_formed(svg: &str) {
    let mut open: Vec<&str> = Vec::new();
    for tag in svg.split('<').skip(1) {
        let (tag, text) = tag.split_once('>').expect("a tag ends");
        assert!(!text.contains('>'), "unescaped > in {text:?}");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name.trim()));
        } else if !tag.ends_with('/') && !tag.starts_with(['?', '!']) {
            open.push(tag.split_whitespace().next().expect("a name"));
        }
    }
    assert!(open.is_empty(), "not closed: {open:?}");
}
