{{- /* The gateway's own settings, each as `sparkconnect-gateway --help` names it. Takes the root. */}}
{{- define "sparkconnect.gatewayEnv" -}}
{{- $gateway := .Values.gateway -}}
- name: SPARKCONNECT_TOKEN_AUDIENCE
  value: {{ $gateway.tokenAudience | quote }}
{{- with $gateway.domain }}
- name: SPARKCONNECT_DOMAIN
  value: {{ . | quote }}
{{- end }}
{{- with $gateway.threads }}
- name: SPARKCONNECT_THREADS
  value: {{ . | quote }}
{{- end }}
{{- if $gateway.accessLog }}
- name: SPARKCONNECT_ACCESS_LOG
  value: "true"
{{- end }}
{{- range $name, $value := omit $gateway.limits "shutdownGraceSeconds" }}
- name: SPARKCONNECT_{{ $name | snakecase | upper }}
  value: {{ if kindIs "string" $value }}{{ $value | quote }}{{ else }}{{ int64 $value | quote }}{{ end }}
{{- end }}
- name: SPARKCONNECT_SHUTDOWN_GRACE
  value: {{ printf "%ds" (int $gateway.limits.shutdownGraceSeconds) }}
{{- with $gateway.oidc }}
{{- if and .audience (not .issuer) }}
{{- fail "gateway.oidc.audience needs gateway.oidc.issuer: the https URL that tokens have in their claim iss" }}
{{- end }}
{{- if and .groupsPrefix (not .groupsClaim) }}
{{- fail "gateway.oidc.groupsPrefix needs gateway.oidc.groupsClaim: the claim that is the user's groups" }}
{{- end }}
{{- if .issuer }}
- name: SPARKCONNECT_OIDC_ISSUER
  value: {{ .issuer | quote }}
- name: SPARKCONNECT_OIDC_AUDIENCE
  value: {{ required "gateway.oidc.issuer needs gateway.oidc.audience: the client that tokens must be issued for" .audience | quote }}
- name: SPARKCONNECT_OIDC_USERNAME_CLAIM
  value: {{ .usernameClaim | quote }}
- name: SPARKCONNECT_OIDC_SIGNING_ALGORITHMS
  value: {{ join "," .signingAlgorithms | quote }}
{{- with .usernamePrefix }}
- name: SPARKCONNECT_OIDC_USERNAME_PREFIX
  value: {{ . | quote }}
{{- end }}
{{- with .groupsClaim }}
- name: SPARKCONNECT_OIDC_GROUPS_CLAIM
  value: {{ . | quote }}
{{- end }}
{{- with .groupsPrefix }}
- name: SPARKCONNECT_OIDC_GROUPS_PREFIX
  value: {{ . | quote }}
{{- end }}
{{- if .caConfigMap }}
- name: SPARKCONNECT_OIDC_CA_FILE
  value: /etc/sparkconnect/oidc/ca.crt
{{- end }}
{{- end }}
{{- end }}
{{- end }}
