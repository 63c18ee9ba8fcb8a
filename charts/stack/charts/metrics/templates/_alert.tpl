{{- /* What every alert has, beside what it watches and what it says: {{ include "metrics.alert" (list . "warning") }} */ -}}
{{- define "metrics.alert" -}}
{{- $root := index . 0 -}}
for: {{ $root.Values.alerts.after | quote }}
labels:
  severity: {{ index . 1 }}
  graph: {{ include "metrics.graph" $root | quote }}
  # Alertmanager's routes and configurations of one namespace go by this label.
  "namespace": {{ $root.Release.Namespace | quote }}
{{- end -}}
