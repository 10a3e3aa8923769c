//! Worlds by themselves; the environments on them are tested against Gymnasium in `envs`.

use box2d::{Broken, Hinge, Material, Motion, Shape, World};

const GROUND: Shape<'_> = Shape::Edge([[-10.0, 0.0], [10.0, 0.0]]);

fn stone() -> Material {
    Material { density: 1.0, ..Material::default() }
}

#[test]
fn a_box_falls_touches_rests_and_sleeps() -> Result<(), Broken> {
    let mut world = World::new([0.0, -10.0]);
    let ground = world.add_body(Motion::Static, [0.0, 0.0], 0.0)?;
    world.attach(ground, GROUND, &Material::default())?;
    let stone_body = world.add_body(Motion::Dynamic, [0.0, 2.0], 0.0)?;
    world.attach(stone_body, Shape::Rectangle([0.5, 0.5]), &stone())?;
    world.step(0.01, 8, 3)?;
    // Semi-implicit Euler: the first step already moves with the speed it has gained.
    let falling = world.body_state(stone_body);
    assert!((falling.velocity[1] + 0.1).abs() < 1e-6 && !falling.touched, "{falling:?}");
    for _ in 0..300 {
        world.step(0.01, 8, 3)?;
    }
    let resting = world.body_state(stone_body);
    assert!(resting.touching && resting.touched && !resting.awake, "{resting:?}");
    assert!((resting.position[1] - 0.5).abs() < 0.03, "{resting:?}");
    let outline =
        world.outlines().find(|(body, _)| *body == stone_body).map(|(_, outline)| outline);
    let has = |corner: [f32; 2]| {
        let near = |found: &[f32; 2]| (found[0] - corner[0]).hypot(found[1] - corner[1]) < 0.03;
        outline.iter().flatten().any(near)
    };
    let corners = [[-0.5, 0.0], [0.5, 0.0], [0.5, 1.0], [-0.5, 1.0]];
    assert!(corners.into_iter().all(has), "{outline:?}");
    let down = world.ray([0.0, 3.0], [0.0, -1.0], 1)?;
    assert!((down - 0.5).abs() < 0.01, "{down}");
    assert_eq!(world.ray([0.0, 3.0], [0.0, -1.0], 2)?, 1.0);
    Ok(())
}

#[test]
fn a_motor_turns_a_hinge_as_far_as_its_limit() -> Result<(), Broken> {
    let mut world = World::new([0.0, 0.0]);
    let wall = world.add_body(Motion::Static, [0.0, 0.0], 0.0)?;
    let door = world.add_body(Motion::Dynamic, [1.0, 0.0], 0.0)?;
    world.attach(door, Shape::Rectangle([1.0, 0.1]), &stone())?;
    let hinge = Hinge {
        anchor_a: [0.0, 0.0],
        anchor_b: [-1.0, 0.0],
        lower: -0.5,
        upper: 0.5,
        speed: 0.0,
        torque: 0.0,
    };
    let joint = world.add_hinge(wall, door, &hinge)?;
    world.set_motor(joint, 2.0, 1000.0);
    // The solver comes nearer with each step.
    for _ in 0..5 {
        world.step(0.01, 20, 20)?;
    }
    let speed = world.joint_state(joint).speed;
    assert!((speed - 2.0).abs() < 1e-3, "{speed}");
    for _ in 0..100 {
        world.step(0.01, 20, 20)?;
    }
    assert!((world.joint_state(joint).angle - 0.5).abs() < 0.05);
    Ok(())
}

#[test]
fn what_box2d_does_not_stand_is_an_error_and_the_world_can_go() -> Result<(), Broken> {
    let mut world = World::new([0.0, -10.0]);
    let body = world.add_body(Motion::Dynamic, [0.0, 0.0], 0.0)?;
    let line = [[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]];
    let error = world.attach(body, Shape::Polygon(&line), &stone()).unwrap_err();
    assert!(error.to_string().contains('`'), "{error}");
    assert!(world.attach(body, Shape::Polygon(&[[0.0; 2]; 40]), &stone()).is_err());
    assert!(world.ray([0.0, 0.0], [0.0, 0.0], 1).is_err());
    assert!(world.add_body(Motion::Dynamic, [f32::NAN, 0.0], 0.0).is_err());

    world.attach(body, Shape::Rectangle([1.0, 1.0]), &stone())?;
    world.kick(body, [f32::NAN, 0.0], [0.0, 0.0]);
    world.step(0.02, 8, 3)?;
    assert!(world.body_state(body).position[0].is_nan(), "left for the caller to notice");
    Ok(())
}

#[test]
fn worlds_of_several_threads_do_not_meet() {
    let fall = || {
        let mut world = World::new([0.0, -10.0]);
        let ground = world.add_body(Motion::Static, [0.0, 0.0], 0.0)?;
        world.attach(ground, GROUND, &Material::default())?;
        let body = world.add_body(Motion::Dynamic, [0.3, 3.0], 0.4)?;
        world.attach(body, Shape::Rectangle([0.5, 0.2]), &stone())?;
        for _ in 0..500 {
            world.step(0.02, 8, 3)?;
        }
        Ok::<_, Broken>(world.body_state(body))
    };
    let threads: Vec<_> = (0..8).map(|_| std::thread::spawn(fall)).collect();
    let expected = fall().unwrap();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), Ok(expected));
    }
}
