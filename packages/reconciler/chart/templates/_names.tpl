{{- define "runlet.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end }}

{{- define "runlet.fullname" -}}
{{- $name := include "runlet.name" . -}}
{{- $full := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) -}}
{{- .Values.fullnameOverride | default $full | trunc 50 | trimSuffix "-" -}}
{{- end }}

{{- define "runlet.namespace" -}}
{{- .Values.namespaceOverride | default .Release.Namespace -}}
{{- end }}

{{- define "runlet.accountName" -}}
{{- $account := .Values.serviceAccount -}}
{{- if eq ($account.name | default "") "default" }}{{ fail "serviceAccount.name must not be \"default\": every pod of the namespace would have the reconciler's rights" }}{{ end -}}
{{- if $account.create }}{{ $account.name | default (include "runlet.fullname" .) -}}
{{- else }}{{ required "serviceAccount.create is false: serviceAccount.name must name an account" $account.name }}{{ end -}}
{{- end }}

{{/* The namespaces in which it acts, by name; none: all that are labelled runlet.dev/managed=true. */}}
{{- define "runlet.namespaces" -}}
{{- $all := .Values.namespaces | default list -}}
{{- with .Values.flags.watchSingleNamespace }}{{ $all = prepend $all . }}{{ end -}}
{{- dict "all" (uniq $all) | toYaml -}}
{{- end }}

{{- define "runlet.selectorLabels" -}}
app.kubernetes.io/name: {{ include "runlet.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: reconciler
{{- end }}

{{- define "runlet.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "runlet.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: runlet
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* Labels of all objects: the user's below our own. Takes root and, as it applies, labels (more of our own). */}}
{{- define "runlet.allLabels" -}}
{{- $all := dict -}}
{{- range $key, $value := .root.Values.labels }}{{ $_ := set $all $key (kindIs "string" $value | ternary $value (toJson $value)) }}{{ end -}}
{{- mergeOverwrite $all (include "runlet.labels" .root | fromYaml) (.labels | default dict) | toYaml -}}
{{- end }}

{{/* The port at the end of an address such as ":8080" or "0.0.0.0:8080". */}}
{{- define "runlet.port" -}}
{{- regexFind "[0-9]+$" . -}}
{{- end }}

{{- define "runlet.probePort" -}}
{{- include "runlet.port" (.Values.flags.healthProbeBindAddress | default ":8081") -}}
{{- end }}

{{/* Empty: no metrics. */}}
{{- define "runlet.metricsPort" -}}
{{- with .Values.metrics }}{{ include "runlet.port" .controllerManagerAddr }}{{ end -}}
{{- end }}
