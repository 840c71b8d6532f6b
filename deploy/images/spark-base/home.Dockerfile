# A stand-in for Apache's Spark image, second half: the same places, user and arguments. The build context holds `home/` (the PySpark
# wheel's content laid out as a Spark home), `entrypoint.sh` and `decom.sh`.
ARG BASE
FROM ${BASE}
COPY --chmod=0755 entrypoint.sh decom.sh /opt/
COPY home/ /opt/spark/
RUN install -d -o spark -g spark -m 0775 /opt/spark/work-dir
ENV SPARK_HOME=/opt/spark \
    JAVA_HOME=/usr/lib/jvm/java-17-openjdk-amd64 \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/spark/bin
WORKDIR /opt/spark/work-dir
USER 185
ENTRYPOINT ["/opt/entrypoint.sh"]
