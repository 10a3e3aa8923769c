// What Proteus needs of Box2D, as C functions. `src/ffi.rs` declares the same and says what each
// does.
//
// A function that returns `const char *` gives null when all went well, and otherwise the condition
// that Box2D wanted to hold: a text that lives as long as the program.

#include <Box2D/Box2D.h>

#include <cstdint>

namespace {

thread_local const char *broken_condition = nullptr;

/// Runs `work`, and turns an assertion of Box2D that fails into its text.
template <typename Work> const char *guarded(Work work) {
    try {
        work();
        return nullptr;
    } catch (const b2AssertException &) {
        return broken_condition;
    }
}

/// What has touched a body, in the bits of its user data.
enum Touch : std::uintptr_t { NOW = 1, EVER = 2 };

std::uintptr_t touch(const b2Body *body) {
    return reinterpret_cast<std::uintptr_t>(body->GetUserData());
}

void set_touch(b2Body *body, std::uintptr_t bits) {
    body->SetUserData(reinterpret_cast<void *>(bits));
}

/// The first thing of a category that a ray meets.
struct Nearest : b2RayCastCallback {
    std::uint16_t category;
    float fraction = 1.0f;

    explicit Nearest(std::uint16_t category) : category(category) {}

    float32 ReportFixture(b2Fixture *fixture, const b2Vec2 &, const b2Vec2 &,
                          float32 found) override {
        if ((fixture->GetFilterData().categoryBits & category) == 0) {
            return -1.0f;
        }
        fraction = found;
        return found;
    }
};

} // namespace

void PyErr_SetString(int, const char *text) { broken_condition = text; }

extern "C" {

struct World : b2ContactListener {
    b2World world;

    World(float x, float y) : world(b2Vec2(x, y)) { world.SetContactListener(this); }

    void BeginContact(b2Contact *contact) override {
        for (b2Body *body : {contact->GetFixtureA()->GetBody(), contact->GetFixtureB()->GetBody()}) {
            set_touch(body, NOW | EVER);
        }
    }

    void EndContact(b2Contact *contact) override {
        for (b2Body *body : {contact->GetFixtureA()->GetBody(), contact->GetFixtureB()->GetBody()}) {
            set_touch(body, touch(body) & ~static_cast<std::uintptr_t>(NOW));
        }
    }
};

struct Material {
    float density;
    float friction;
    float restitution;
    std::uint16_t category;
    std::uint16_t mask;
};

struct Hinge {
    float anchor_a[2];
    float anchor_b[2];
    float lower;
    float upper;
    float speed;
    float torque;
};

struct BodyState {
    float position[2];
    float angle;
    float velocity[2];
    float angular_velocity;
    bool awake;
    bool touching;
    bool touched;
};

struct JointState {
    float angle;
    float speed;
};

static void fill_tables() {
    // Box2D fills two tables when it first needs them, and takes no lock for it.
    static const bool filled = [] {
        b2World world(b2Vec2_zero);
        b2PolygonShape square;
        square.SetAsBox(1.0f, 1.0f);
        for (int i = 0; i < 2; ++i) {
            b2BodyDef definition;
            definition.type = b2_dynamicBody;
            world.CreateBody(&definition)->CreateFixture(&square, 1.0f);
        }
        world.Step(0.01f, 1, 1);
        return true;
    }();
    static_cast<void>(filled);
}

World *proteus_box2d_world(float x, float y) noexcept {
    fill_tables();
    return new World(x, y);
}

void proteus_box2d_free(World *world) { delete world; }

void proteus_box2d_gravity(World *world, float x, float y) {
    world->world.SetGravity(b2Vec2(x, y));
}

const char *proteus_box2d_body(World *world, bool dynamic, const float *position, float angle,
                               b2Body **body) {
    return guarded([&] {
        b2BodyDef definition;
        definition.type = dynamic ? b2_dynamicBody : b2_staticBody;
        definition.position.Set(position[0], position[1]);
        definition.angle = angle;
        *body = world->world.CreateBody(&definition);
    });
}

static void attach(b2Body *body, const b2Shape &shape, const Material &material) {
    b2FixtureDef definition;
    definition.shape = &shape;
    definition.density = material.density;
    definition.friction = material.friction;
    definition.restitution = material.restitution;
    definition.filter.categoryBits = material.category;
    definition.filter.maskBits = material.mask;
    body->CreateFixture(&definition);
}

const char *proteus_box2d_edge(b2Body *body, const float (*ends)[2], const Material *material) {
    return guarded([&] {
        b2EdgeShape shape;
        shape.Set(b2Vec2(ends[0][0], ends[0][1]), b2Vec2(ends[1][0], ends[1][1]));
        attach(body, shape, *material);
    });
}

const char *proteus_box2d_polygon(b2Body *body, const float (*corners)[2], std::size_t count,
                                  const Material *material) {
    return guarded([&] {
        b2Assert(count <= b2_maxPolygonVertices);
        b2Vec2 points[b2_maxPolygonVertices];
        for (std::size_t i = 0; i < count; ++i) {
            points[i].Set(corners[i][0], corners[i][1]);
        }
        b2PolygonShape shape;
        shape.Set(points, static_cast<int32>(count));
        attach(body, shape, *material);
    });
}

const char *proteus_box2d_box(b2Body *body, float half_width, float half_height,
                              const Material *material) {
    return guarded([&] {
        b2PolygonShape shape;
        shape.SetAsBox(half_width, half_height);
        attach(body, shape, *material);
    });
}

void proteus_box2d_friction(b2Body *body, float friction) {
    for (b2Fixture *fixture = body->GetFixtureList(); fixture; fixture = fixture->GetNext()) {
        fixture->SetFriction(friction);
    }
    for (b2ContactEdge *edge = body->GetContactList(); edge; edge = edge->next) {
        edge->contact->ResetFriction();
    }
}

const char *proteus_box2d_hinge(World *world, b2Body *a, b2Body *b, const Hinge *hinge,
                                b2RevoluteJoint **joint) {
    b2RevoluteJointDef definition;
    definition.bodyA = a;
    definition.bodyB = b;
    definition.localAnchorA.Set(hinge->anchor_a[0], hinge->anchor_a[1]);
    definition.localAnchorB.Set(hinge->anchor_b[0], hinge->anchor_b[1]);
    definition.referenceAngle = b->GetAngle() - a->GetAngle();
    definition.enableLimit = true;
    definition.lowerAngle = hinge->lower;
    definition.upperAngle = hinge->upper;
    definition.enableMotor = true;
    definition.motorSpeed = hinge->speed;
    definition.maxMotorTorque = hinge->torque;
    return guarded([&] {
        *joint = static_cast<b2RevoluteJoint *>(world->world.CreateJoint(&definition));
    });
}

void proteus_box2d_motor(b2RevoluteJoint *joint, float speed, float torque) {
    joint->SetMotorSpeed(speed);
    joint->SetMaxMotorTorque(torque);
}

void proteus_box2d_force(b2Body *body, float x, float y) {
    body->ApplyForceToCenter(b2Vec2(x, y), true);
}

void proteus_box2d_impulse(b2Body *body, float x, float y, float at_x, float at_y) {
    body->ApplyLinearImpulse(b2Vec2(x, y), b2Vec2(at_x, at_y), true);
}

const char *proteus_box2d_step(World *world, float seconds, std::int32_t velocity_iterations,
                               std::int32_t position_iterations) {
    return guarded([&] { world->world.Step(seconds, velocity_iterations, position_iterations); });
}

void proteus_box2d_body_state(const b2Body *body, BodyState *state) {
    const b2Vec2 &position = body->GetPosition();
    const b2Vec2 &velocity = body->GetLinearVelocity();
    *state = BodyState{
        {position.x, position.y},
        body->GetAngle(),
        {velocity.x, velocity.y},
        body->GetAngularVelocity(),
        body->IsAwake(),
        (touch(body) & NOW) != 0,
        (touch(body) & EVER) != 0,
    };
}

void proteus_box2d_joint_state(const b2RevoluteJoint *joint, JointState *state) {
    *state = JointState{joint->GetJointAngle(), joint->GetJointSpeed()};
}

const char *proteus_box2d_ray(const World *world, const float *from, const float *to,
                              std::uint16_t category, float *fraction) {
    return guarded([&] {
        Nearest nearest(category);
        world->world.RayCast(&nearest, b2Vec2(from[0], from[1]), b2Vec2(to[0], to[1]));
        *fraction = nearest.fraction;
    });
}

} // extern "C"
