{{/* Names, labels and annotations are those of ARC 0.14.2 (charts/gha-runner-scale-set/templates/_helpers.tpl):
an upgrade from that chart must find its own objects again. */}}

{{- define "runner-set.scaleSetName" -}}
{{- .Values.runnerScaleSetName | default .Release.Name -}}
{{- end }}

{{- define "runner-set.namespace" -}}
{{- .Values.namespaceOverride | default .Release.Namespace -}}
{{- end }}

{{- define "runner-set.fullname" -}}
{{- printf "%s-gha-rs" (include "runner-set.scaleSetName" .) | trunc 63 | trimSuffix "-" -}}
{{- end }}

{{/* The same as the name of an object; a scale set may have underscores in its name, most objects may not. */}}
{{- define "runner-set.objectName" -}}
{{- include "runner-set.fullname" . | replace "_" "-" -}}
{{- end }}

{{- define "runner-set.noPermissionName" -}}
{{- include "runner-set.objectName" . }}-no-permission
{{- end }}

{{- define "runner-set.kubeModeAccountName" -}}
{{- include "runner-set.objectName" . }}-kube-mode
{{- end }}

{{/* ARC replaces no underscores in the names of roles, and roles may have them. */}}
{{- define "runner-set.kubeModeRoleName" -}}
{{- include "runner-set.fullname" . }}-kube-mode
{{- end }}

{{- define "runner-set.managerName" -}}
{{- include "runner-set.fullname" . }}-manager
{{- end }}

{{- define "runner-set.githubSecretName" -}}
{{- if not (kindIs "string" .Values.githubConfigSecret) -}}
{{- include "runner-set.objectName" . }}-github-secret
{{- else -}}
{{- required "githubConfigSecret is empty: give the name of a Secret, or github_token, or the three values of a GitHub App" .Values.githubConfigSecret -}}
{{- end -}}
{{- end }}

{{- define "runner-set.mode" -}}
{{- dig "type" "" (.Values.containerMode | default dict) | default "" -}}
{{- end }}

{{/* "true" in the modes whose hooks make a pod for each job. */}}
{{- define "runner-set.isKubernetesMode" -}}
{{- if has (include "runner-set.mode" .) (list "kubernetes" "kubernetes-novolume") }}true{{ end -}}
{{- end }}

{{- define "runner-set.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/name: {{ include "runner-set.scaleSetName" . | quote }}
app.kubernetes.io/instance: {{ include "runner-set.scaleSetName" . | quote }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
app.kubernetes.io/part-of: gha-rs
actions.github.com/scale-set-name: {{ include "runner-set.scaleSetName" . | quote }}
actions.github.com/scale-set-namespace: {{ include "runner-set.namespace" . | quote }}
{{- end }}

{{/* A value as text; Go would write the number 12345678 as 1.2345678e+07. */}}
{{- define "runner-set.text" -}}
{{- if kindIs "string" . }}{{ . }}{{ else }}{{ toJson . }}{{ end -}}
{{- end }}

{{- define "runner-set.texts" -}}
{{- $out := dict -}}
{{- range $key, $value := . }}{{- $_ := set $out $key (include "runner-set.text" $value) }}{{- end -}}
{{- toYaml $out -}}
{{- end }}

{{/* The metadata of one object. Takes root, name, and as they apply: of (its key in resourceMeta), labels and
annotations (reserved: they come over the user's), protected (the reconciler releases it when its set is gone).
Order as ARC's: for all objects, then resourceMeta, then reserved. */}}
{{- define "runner-set.metadata" -}}
{{- $root := .root -}}
{{- $meta := index ($root.Values.resourceMeta | default dict) (.of | default "") | default dict -}}
{{- $reserved := mergeOverwrite (include "runner-set.labels" $root | fromYaml) (.labels | default dict) -}}
{{- $labels := dict -}}
{{- range list $root.Values.labels $meta.labels -}}
  {{- range $key, $value := . -}}
    {{- if not (or (eq $key "app.kubernetes.io/component") (hasPrefix "actions.github.com/" $key)) -}}
      {{- $_ := set $labels $key (include "runner-set.text" $value) -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- $annotations := dict -}}
{{- range list $root.Values.annotations $meta.annotations -}}
  {{- range $key, $value := . -}}
    {{- if not (or (hasPrefix "actions.github.com/cleanup-" $key) (eq $key "actions.github.com/values-hash")) -}}
      {{- $_ := set $annotations $key (include "runner-set.text" $value) -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- $annotations = mergeOverwrite $annotations (.annotations | default dict) -}}
name: {{ .name }}
namespace: {{ include "runner-set.namespace" $root }}
labels:
  {{- mergeOverwrite $labels $reserved | toYaml | nindent 2 }}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if .protected }}
finalizers:
  - actions.github.com/cleanup-protection
{{- end }}
{{- end }}
