{{- /* What every object has. Takes: root, name, more: labels of the user's for this object alone. */}}
{{- define "sparkconnect.labels" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: sparkconnect
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name (.root.Chart.Version | replace "+" "_") }}
{{- with merge (deepCopy (.more | default dict)) .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* The image of a program. Takes: root, image. */}}
{{- define "sparkconnect.image" -}}
{{- $repository := .image.repository }}
{{- with .root.Values.image.registry }}
{{- $repository = printf "%s/%s" . $repository }}
{{- end }}
{{- if .image.digest }}
{{- printf "%s@%s" $repository .image.digest }}
{{- else }}
{{- printf "%s:%s" $repository (.image.tag | default .root.Chart.AppVersion) }}
{{- end }}
{{- end }}

{{- /* Secrets that images are pulled by. Takes the root. */}}
{{- define "sparkconnect.pullSecrets" -}}
{{- with .Values.image.pullSecrets -}}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* Where a program's pods run. Takes: name, values. */}}
{{- define "sparkconnect.scheduling" -}}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
affinity:
{{- if .values.affinity }}
  {{- toYaml .values.affinity | nindent 2 }}
{{- else }}
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels:
              app.kubernetes.io/name: {{ .name }}
{{- end }}
{{- if .values.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- $own := dict "labelSelector" (dict "matchLabels" (dict "app.kubernetes.io/name" .name)) }}
  {{- range .values.topologySpreadConstraints }}
  - {{ if .labelSelector }}{{ toYaml . | indent 4 | trim }}{{ else }}{{ merge (deepCopy $own) . | toYaml | indent 4 | trim }}{{ end }}
  {{- end }}
{{- end }}
{{- end }}

{{- /* Labels and annotations of a program's pods. Takes: root, name, values. */}}
{{- define "sparkconnect.podMetadata" -}}
labels:
  {{- $own := dict "app.kubernetes.io/name" .name "app.kubernetes.io/part-of" "sparkconnect" }}
  {{- merge $own .values.podLabels .root.Values.commonLabels | toYaml | nindent 2 }}
annotations:
  {{- $scrape := dict "prometheus.io/scrape" "true" "prometheus.io/port" "8080" }}
  {{- merge (deepCopy .values.podAnnotations) $scrape | toYaml | nindent 2 }}
{{- end }}

{{- /* Settings that both programs have. Takes the root. */}}
{{- define "sparkconnect.commonEnv" -}}
- name: SPARKCONNECT_LOG_FORMAT
  value: {{ .Values.log.format }}
- name: SPARKCONNECT_LOG_FILTER
  value: {{ .Values.log.filter | quote }}
{{- with .Values.watchNamespaces }}
- name: SPARKCONNECT_WATCH_NAMESPACE
  value: {{ join "," . | quote }}
{{- end }}
{{- with .Values.tracing.endpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ . | quote }}
- name: OTEL_TRACES_SAMPLER_ARG
  value: {{ $.Values.tracing.sampleRatio | quote }}
{{- end }}
{{- end }}

{{- /* Probes of both programs. */}}
{{- define "sparkconnect.probes" -}}
readinessProbe:
  httpGet: {path: /readyz, port: health}
  periodSeconds: 5
livenessProbe:
  httpGet: {path: /healthz, port: health}
  periodSeconds: 20
  failureThreshold: 3
{{- end }}

{{- /* Name of the Secret with the gateway's certificate. Takes the root. */}}
{{- define "sparkconnect.tlsSecret" -}}
{{- .Values.gateway.tls.existingSecret | default "sparkconnect-gateway-tls" }}
{{- end }}

{{- /* Whether somebody else than the operator makes that certificate: a word, or nothing. Takes the root. */}}
{{- define "sparkconnect.tlsGiven" -}}
{{- if or .Values.gateway.tls.existingSecret .Values.gateway.tls.certManager.enabled }}given{{ end }}
{{- end }}

{{- /* Host of the gateway's address, or nothing. Takes the root. */}}
{{- define "sparkconnect.host" -}}
{{- regexReplaceAll ":[0-9]+$" .Values.gateway.address "" | lower }}
{{- end }}

{{- /* Whether a host is an IP address: a word, or nothing. Takes the host. */}}
{{- define "sparkconnect.isAddress" -}}
{{- if or (contains ":" .) (regexMatch "^[0-9.]+$" .) }}address{{ end }}
{{- end }}

{{- /* Host names of a way in, a list as JSON. Takes: root, names, what. */}}
{{- define "sparkconnect.hosts" -}}
{{- $host := include "sparkconnect.host" .root }}
{{- if not (or .names $host) }}
{{- fail (printf "gateway.%s needs gateway.address, as in spark.example.com:443, or host names of its own" .what) }}
{{- end }}
{{- if and (not .names) (include "sparkconnect.isAddress" $host) }}
{{- fail (printf "gateway.%s needs host names of its own: gateway.address is %s, and a route is by name" .what $host) }}
{{- end }}
{{- .names | default (list $host) | toJson }}
{{- end }}
