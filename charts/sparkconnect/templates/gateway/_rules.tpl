{{- /* What the gateway may do in the namespaces that it serves. */}}
{{- define "sparkconnect.gatewayRules" -}}
- apiGroups: [sparkconnect.dev]
  resources: [sparkconnectservers]
  verbs: [get, list, watch]
# Sessions of people who come without one are made for them, in their name.
- apiGroups: [sparkconnect.dev]
  resources: [sparksessions]
  verbs: [get, list, watch, create, impersonate]
{{- end }}
