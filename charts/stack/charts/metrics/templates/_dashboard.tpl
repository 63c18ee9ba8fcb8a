{{- /* One dashboard as Grafana reads it, from the panels and queries in dashboards/: {{ include "metrics.dashboard" (list . "frontend") }} */ -}}
{{- define "metrics.dashboard" -}}
{{- $root := index . 0 -}}
{{- $name := index . 1 -}}
{{- $namespace := include "metrics.dynamoNamespace" $root -}}
{{- $data := $root.Files.Get (printf "dashboards/%s.yaml" $name) | fromYaml -}}
{{- $targets := ternary ($root.Values.alerts.targets | default dict) dict $root.Values.alerts.enabled -}}
{{- /* The note stands on top, over the whole width; the panels below it in two columns. */ -}}
{{- $panels := list (dict
      "id" 1
      "type" "text"
      "title" ""
      "gridPos" (dict "h" 3 "w" 24 "x" 0 "y" 0)
      "options" (dict "mode" "markdown" "content" $data.note)
    ) -}}
{{- range $i, $panel := $data.panels -}}
{{- $filled := dict -}}
{{- include "metrics.panel" (list $i $panel $targets $filled) -}}
{{- $panels = append $panels $filled -}}
{{- end -}}
{{- $variables := list (dict "name" "datasource" "label" "Data source" "type" "datasource" "query" "prometheus") -}}
{{- $constants := dict
      "dynamo_namespace" (include "metrics.namespaces" $root)
      "namespace" $root.Release.Namespace
      "pods" (include "metrics.pods" $root) -}}
{{- range $variable, $value := $constants -}}
{{- $variables = append $variables (dict "name" $variable "type" "constant" "query" $value "hide" 2) -}}
{{- end -}}
{{- dict
      "title" (printf "Dynamo %s: %s" $namespace $name)
      "uid" (printf "%s/%s" $namespace $name | sha256sum | trunc 16)
      "tags" (list "dynamo" $namespace)
      "schemaVersion" 39
      "editable" true
      "refresh" "30s"
      "time" (dict "from" "now-1h" "to" "now")
      "templating" (dict "list" $variables)
      "panels" $panels
    | toRawJson -}}
{{- end -}}

{{- /* Prints nothing; fills in one panel, with a line where an alert's target is.
       {{ include "metrics.panel" (list 0 $panel $targets $filled) }} */ -}}
{{- define "metrics.panel" -}}
{{- $i := index . 0 -}}
{{- $panel := index . 1 -}}
{{- $target := get (index . 2) ($panel.target | default "") -}}
{{- /* Prometheus, and so the panel, counts in seconds. */ -}}
{{- if and $target (hasSuffix "Milliseconds" $panel.target) -}}
{{- $target = divf $target 1000 -}}
{{- end -}}
{{- $source := dict "type" "prometheus" "uid" "$datasource" -}}
{{- $queries := list -}}
{{- range $j, $query := $panel.queries -}}
{{- $queries = append $queries (dict
      "refId" (substr $j (int (add $j 1)) "ABCDEFGH")
      "datasource" $source
      "expr" $query.expr
      "legendFormat" $query.legend
    ) -}}
{{- end -}}
{{- $defaults := dict "unit" $panel.unit "min" 0 -}}
{{- if $target -}}
{{- $_ := set $defaults "custom" (dict "thresholdsStyle" (dict "mode" "line")) -}}
{{- $steps := list (dict "color" "transparent" "value" nil) (dict "color" "red" "value" $target) -}}
{{- $_ := set $defaults "thresholds" (dict "mode" "absolute" "steps" $steps) -}}
{{- end -}}
{{- $_ := merge (index . 3) (dict
      "id" (add $i 2)
      "type" "timeseries"
      "title" $panel.title
      "description" ($panel.description | default "")
      "datasource" $source
      "gridPos" (dict "h" 8 "w" 12 "x" (mul (mod $i 2) 12) "y" (add 3 (mul (div $i 2) 8)))
      "fieldConfig" (dict "defaults" $defaults "overrides" list)
      "options" (dict "tooltip" (dict "mode" "multi" "sort" "desc"))
      "targets" $queries
    ) -}}
{{- end -}}
