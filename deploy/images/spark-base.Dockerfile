# A stand-in for Apache's Spark image where no registry of images can be reached: the same places, user and arguments, made of the Debian
# archive and the PySpark wheel. For tests. The build context holds `packages/` (Python packages), `home/` (the wheel's content laid
# out as a Spark home), `entrypoint.sh` and `decom.sh`; BASE is a minimal Debian with Java, Python and tini.
ARG BASE
FROM ${BASE}
COPY packages/ /usr/local/lib/python3.11/dist-packages/
RUN python3 -m compileall -q -j 0 /usr/local/lib/python3.11/dist-packages && \
    groupadd --system --gid 185 spark && \
    useradd --system --uid 185 --gid spark --home-dir /home/spark --create-home --shell /bin/bash spark
COPY --chmod=0755 entrypoint.sh decom.sh /opt/
COPY home/ /opt/spark/
ENV SPARK_HOME=/opt/spark \
    JAVA_HOME=/usr/lib/jvm/java-17-openjdk-amd64 \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/spark/bin
RUN install -d -o spark -g spark -m 0775 /opt/spark/work-dir
WORKDIR /opt/spark/work-dir
USER 185
ENTRYPOINT ["/opt/entrypoint.sh"]
