# The orchestrator: search, models, store, command line. Its workers run in containers beside it (docs/docker.md).
#
#   docker build -t rewardsmith .
#
# Any base that has Python 3.11 or later with pip will do, also one that is merely tagged as this name.
ARG BASE_IMAGE=python:3.11-slim-bookworm

FROM ${BASE_IMAGE} AS packages
# More arguments for pip, such as a mirror's. They stay in this stage.
ARG PIP_ARGS=
# `worker` among the extras brings torch and the simulator, for workers inside: run with REWARDSMITH_SANDBOX=process.
ARG EXTRAS=docker,openai,litellm,service,postgres,s3
COPY . /src
RUN python3 -m venv --without-pip /opt/rewardsmith \
 && python3 -m pip --python /opt/rewardsmith/bin/python3 install --no-cache-dir ${PIP_ARGS} \
    -c /src/constraints.txt "/src[${EXTRAS}]"

FROM ${BASE_IMAGE}
COPY --from=packages /opt/rewardsmith /opt/rewardsmith
# A user of its own, written by hand so that no base needs useradd; runs lie in its home, which is the volume.
RUN echo 'rewardsmith:x:10001:10001:rewardsmith:/home/rewardsmith:/bin/sh' >> /etc/passwd \
 && echo 'rewardsmith:x:10001:' >> /etc/group \
 && mkdir -p /home/rewardsmith && chown 10001:10001 /home/rewardsmith
ENV PATH=/opt/rewardsmith/bin:/usr/local/bin:/usr/bin:/bin PYTHONUNBUFFERED=1 \
    HOME=/home/rewardsmith USER=rewardsmith REWARDSMITH_SANDBOX=docker
USER 10001:10001
WORKDIR /home/rewardsmith
VOLUME /home/rewardsmith
HEALTHCHECK CMD ["rewardsmith", "--version"]
ENTRYPOINT ["rewardsmith"]
CMD ["--help"]
