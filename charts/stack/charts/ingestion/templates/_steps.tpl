{{- /* First step: files from Hugging Face. {{ include "ingestion.download" . }} */ -}}
{{- define "ingestion.download" -}}
{{- $source := .Values.source -}}
{{- $model := required "source.model is missing: the model id, ORG/NAME" $source.model -}}
{{- $command := list "/tmp/hub/bin/hf" "download" $model "--local-dir" (printf "%s/model" (include "ingestion.folder" .)) -}}
{{- with $source.revision -}}
{{- $command = concat $command (list "--revision" .) -}}
{{- end -}}
{{- range $source.include -}}
{{- $command = concat $command (list "--include" .) -}}
{{- end -}}
{{- range $source.exclude -}}
{{- $command = concat $command (list "--exclude" .) -}}
{{- end -}}
- name: download
  image: {{ .Values.image | quote }}
  command:
    - sh
    - /scripts/download.sh
    {{- range $command }}
    - {{ . | quote }}
    {{- end }}
  env:
    - name: FOLDER
      value: {{ include "ingestion.folder" . | quote }}
    - name: HOME
      value: /tmp
    - name: HUB
      value: {{ printf "huggingface_hub==%s" .Values.hubVersion | quote }}
    - name: PYTHONPATH
      value: /tmp/hub
    {{- include "ingestion.ownEnv" . | nindent 4 }}
  envFrom:
    # A gated model needs it; without a name, Dynamo's customary one.
    - secretRef:
        name: {{ .Values.global.huggingFaceTokenSecret | default "hf-token-secret" | quote }}
        optional: true
  {{- include "ingestion.step" . | nindent 2 }}
{{- end -}}

{{- /* The gate: nothing after it runs unless it ends well. {{ include "ingestion.scan" . }} */ -}}
{{- define "ingestion.scan" -}}
{{- $scan := .Values.scan -}}
{{- $model := printf "%s/model" (include "ingestion.folder" .) -}}
{{- $pickles := eq $scan.tool "picklescan" -}}
{{- $limits := list "--max-filesize=2000M" "--max-scansize=2000M" -}}
{{- $command := concat (list "clamscan" "--recursive" "--infected") $limits (list $model) -}}
{{- if $pickles -}}
{{- $command = list "/tmp/scanner/bin/picklescan" "--path" $model -}}
{{- end -}}
- name: scan
  image: {{ $scan.image | default ($pickles | ternary .Values.image "clamav/clamav:1.4.3") | quote }}
  command:
    - sh
    - /scripts/scan.sh
    {{- range $command }}
    - {{ . | quote }}
    {{- end }}
  env:
    - name: HOME
      value: /tmp
    {{- if $pickles }}
    - name: INSTALL
      value: {{ printf "picklescan==%s" $scan.version | quote }}
    - name: PYTHONPATH
      value: /tmp/scanner
    {{- end }}
    {{- include "ingestion.ownEnv" . | nindent 4 }}
  {{- include "ingestion.step" . | nindent 2 }}
{{- end -}}

{{- /* One GGUF file of the weights: {{ include "ingestion.convert" . }} */ -}}
{{- define "ingestion.convert" -}}
{{- $convert := .Values.convert -}}
- name: convert
  image: {{ $convert.image | default "ghcr.io/ggml-org/llama.cpp:full-b9976" | quote }}
  # The image has an entry point of its own.
  command: [sh, /scripts/convert.sh]
  env:
    - name: FOLDER
      value: {{ include "ingestion.folder" . | quote }}
    - name: HOME
      value: /tmp
    - name: OUTTYPE
      value: {{ $convert.outtype | default "f16" | quote }}
    - name: QUANTIZE
      value: {{ $convert.quantize | default "" | upper | quote }}
  {{- include "ingestion.step" . | nindent 2 }}
{{- end -}}

{{- /* Last step: into the store. {{ include "ingestion.upload" . }} */ -}}
{{- define "ingestion.upload" -}}
{{- $target := .Values.target -}}
- name: upload
  image: {{ .Values.uploadImage | quote }}
  command: [sh, /scripts/upload.sh]
  env:
    {{- with $target.region }}
    - name: AWS_DEFAULT_REGION
      value: {{ . | quote }}
    {{- end }}
    - name: ENDPOINT
      value: {{ $target.endpoint | default "" | quote }}
    - name: FOLDER
      value: {{ include "ingestion.folder" . | quote }}
    {{- with .Values.convert }}
    - name: GGUF
      value: {{ required "convert.uri is missing: s3://BUCKET/PREFIX of model.gguf" .uri | quote }}
    {{- end }}
    - name: HOME
      value: /tmp
    - name: MARKER
      value: {{ required "target.marker is missing: the object that is written last" $target.marker | quote }}
    - name: TARGET
      value: {{ required "target.uri is missing: s3://BUCKET/PREFIX" $target.uri | quote }}
  envFrom:
    - secretRef:
        name: {{ required "target.secret is missing: a Secret with the store's keys" $target.secret | quote }}
  {{- include "ingestion.step" . | nindent 2 }}
{{- end -}}
