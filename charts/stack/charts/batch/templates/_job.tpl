{{- /* Spec of the Job, but for whether it is suspended: {{ include "batch.jobSpec" . }} */ -}}
{{- define "batch.jobSpec" -}}
{{- $input := .Values.input -}}
completionMode: Indexed
completions: {{ int64 .Values.completions }}
parallelism: {{ int64 .Values.completions }}
activeDeadlineSeconds: {{ int64 .Values.maxRuntimeSeconds }}
backoffLimitPerIndex: {{ int64 .Values.retries }}
podFailurePolicy:
  rules:
    # Whoever is moved from a node goes on elsewhere, and has not failed.
    - action: Ignore
      onPodConditions:
        - type: DisruptionTarget
          status: "True"
{{- if not (kindIs "invalid" .Values.ttlSecondsAfterFinished) }}
ttlSecondsAfterFinished: {{ int64 .Values.ttlSecondsAfterFinished }}
{{- end }}
template:
  metadata:
    labels:
      {{- include "batch.labels" . | nindent 6 }}
    annotations:
      checksum/script: {{ include "batch.scripts" . | sha256sum }}
      {{- with $input.content }}
      checksum/input: {{ . | sha256sum }}
      {{- end }}
  spec:
    restartPolicy: Never
    automountServiceAccountToken: false
    enableServiceLinks: false
    {{- with .Values.priorityClass }}
    priorityClassName: {{ . | quote }}
    {{- end }}
    {{- with .Values.nodeSelector }}
    nodeSelector:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    securityContext:
      runAsNonRoot: true
      runAsUser: 1000
      runAsGroup: 1000
      fsGroup: 1000
      fsGroupChangePolicy: OnRootMismatch
      seccompProfile:
        type: RuntimeDefault
    containers:
      - name: batch
        image: {{ .Values.image | quote }}
        imagePullPolicy: IfNotPresent
        command: [python3, -B, /scripts/run.py]
        env:
          {{- include "batch.env" . | nindent 10 }}
        resources:
          # What Kueue counts.
          requests:
            cpu: 500m
            memory: 1Gi
            ephemeral-storage: 2Gi
          limits:
            memory: 1Gi
        securityContext:
          allowPrivilegeEscalation: false
          readOnlyRootFilesystem: true
          capabilities:
            drop: [ALL]
        volumeMounts:
          - name: scripts
            mountPath: /scripts
            readOnly: true
          {{- if or $input.claimName $input.configMapRef }}
          - name: input
            mountPath: /input
            readOnly: true
          {{- end }}
          - name: output
            mountPath: /output
          - name: scratch
            mountPath: /scratch
    volumes:
      - name: scripts
        configMap:
          name: {{ include "batch.name" . | quote }}
      {{- if $input.claimName }}
      - name: input
        persistentVolumeClaim:
          claimName: {{ $input.claimName | quote }}
      {{- else if $input.configMapRef }}
      - name: input
        configMap:
          name: {{ $input.configMapRef.name | quote }}
      {{- end }}
      - name: output
        persistentVolumeClaim:
          claimName: {{ include "batch.claim" . | quote }}
      - name: scratch
        emptyDir: {}
{{- end -}}

{{- /* What the script is told; Kubernetes adds JOB_COMPLETION_INDEX: {{ include "batch.env" . }} */ -}}
{{- define "batch.env" -}}
- name: COMPLETIONS
  value: {{ int64 .Values.completions | quote }}
- name: CONCURRENCY
  value: {{ int64 .Values.concurrency | quote }}
- name: HOME
  value: /scratch
- name: INPUT
  value: {{ include "batch.input" . | quote }}
- name: MODEL
  value: {{ .Values.global.model | default "" | quote }}
- name: OUTPUT
  value: {{ include "batch.output" . | quote }}
{{- if .Values.schedule }}
# Each run asks for all lines, so its answers go into a folder of their own.
- name: RUN
  valueFrom:
    fieldRef:
      fieldPath: metadata.labels['batch.kubernetes.io/job-name']
{{- end }}
- name: URL
  value: {{ printf "http://%s-frontend:8000" (include "batch.graph" .) | quote }}
{{- end -}}

{{- /* The script and its modules, as keys of a ConfigMap: {{ include "batch.scripts" . }} */ -}}
{{- define "batch.scripts" -}}
{{- range $path, $_ := .Files.Glob "files/*.py" }}
{{ base $path }}: |
  {{- $.Files.Get $path | nindent 2 }}
{{- end }}
{{- end -}}
