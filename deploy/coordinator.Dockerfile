# The coordinator, beside the actor: what needs physics (`tasks`, `eval`, the description of a task
# family) it asks of the actor program. `cargo xtask images` stages the build context
# (`target/images/coordinator/`) and calls
#     docker build -f deploy/coordinator.Dockerfile --build-arg ACTOR=proteus-actor \
#         -t proteus-coordinator target/images/coordinator
ARG ACTOR=proteus-actor
FROM ${ACTOR}
COPY opt /opt
ENTRYPOINT ["/opt/proteus/usr/bin/coordinator"]
