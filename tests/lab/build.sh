#!/bin/sh
# Builds the lab's tools from Go modules, skipping those that are there already.
#
#   tests/lab/build.sh            everything; about 20 minutes cold on two cores, then nothing
#   tests/lab/build.sh helm etcd  only these
#
# Each tool lands in $RECIPEGEN_LAB/<tool>-<version>/<tool>, with a link in $RECIPEGEN_LAB/bin.
# RECIPEGEN_LAB defaults to ${XDG_CACHE_HOME:-$HOME/.cache}/recipegen/lab.
set -eu

HELM=4.2.3
HELM3=3.22.0
HELMFILE=1.8.0
PROMTOOL=3.10.0
ETCD=3.6.5
KUBERNETES=1.36.1
KWOK=0.7.0
GO_MINOR=26

LAB=${RECIPEGEN_LAB:-${XDG_CACHE_HOME:-$HOME/.cache}/recipegen/lab}

# The modules that k8s.io/kubernetes replaces by its own ./staging directories, which its module
# archive does not carry: each is published under the same minor version.
STAGING="api apiextensions-apiserver apimachinery apiserver cli-runtime client-go cloud-provider
cluster-bootstrap code-generator component-base component-helpers controller-manager cri-api
cri-client cri-streaming csi-translation-lib dynamic-resource-allocation endpointslice externaljwt
kms kube-aggregator kube-controller-manager kube-proxy kube-scheduler kubectl kubelet metrics
mount-utils pod-security-admission sample-apiserver sample-cli-plugin sample-controller streaming"

say() { echo "lab: $*" >&2; }

need_go() {
    command -v go >/dev/null || { say "Go is missing: install Go 1.$GO_MINOR or newer"; exit 1; }
    minor=$(go env GOVERSION | sed -n 's/^go1\.\([0-9]*\).*/\1/p')
    [ "${minor:-0}" -ge "$GO_MINOR" ] || {
        say "$(go env GOVERSION) is too old: the lab needs Go 1.$GO_MINOR or newer"
        exit 1
    }
}

# Each recipe runs in an empty scratch directory and leaves its binary in ./out.

build_helm() {
    GOBIN=$PWD/out go install -ldflags "-X helm.sh/helm/v4/internal/version.version=v$1" \
        "helm.sh/helm/v4/cmd/helm@v$1"
}

build_helm3() {
    flags="-X helm.sh/helm/v3/internal/version.version=v$1"
    # Without these `helm template` and `helm lint` take the cluster for Kubernetes 1.20.
    minor=${KUBERNETES#*.}
    for package in helm.sh/helm/v3/pkg/chartutil helm.sh/helm/v3/pkg/lint/rules; do
        flags="$flags -X $package.k8sVersionMajor=${KUBERNETES%%.*} -X $package.k8sVersionMinor=${minor%.*}"
    done
    GOBIN=$PWD/out go install -ldflags "$flags" "helm.sh/helm/v3/cmd/helm@v$1"
    mv out/helm out/helm3
}

# A copy of a module in ./source, for those that go install refuses: it takes none with replace directives.
copy_module() {
    module=$(go mod download -json "$1" | sed -n 's/^[[:space:]]*"Dir": "\(.*\)",*$/\1/p')
    cp -R "$module" source
    chmod -R u+w source
}

build_helmfile() {
    copy_module "github.com/helmfile/helmfile@v$1"
    (cd source && go build -ldflags "-X go.szostok.io/version.version=v$1" -o ../out/helmfile .)
}

build_promtool() {
    # Prometheus 3.10.0 is v0.310.0 of its module. Its go.work names modules that the archive lacks.
    copy_module "github.com/prometheus/prometheus@v0.$(echo "$1" | awk -F. '{ print $1 * 100 + $2 "." $3 }')"
    (cd source && GOWORK=off CGO_ENABLED=0 go build -trimpath \
        -ldflags "-X github.com/prometheus/common/version.Version=$1" -o ../out/promtool ./cmd/promtool)
}

build_kwok() {
    GOBIN=$PWD/out CGO_ENABLED=0 go install -trimpath "sigs.k8s.io/kwok/cmd/kwok@v$1"
}

build_etcd() {
    cat >go.mod <<MOD
module lab/etcd
go 1.$GO_MINOR
require go.etcd.io/etcd/server/v3 v$1
MOD
    cat >main.go <<GO
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() { etcdmain.Main(os.Args) }
GO
    go mod tidy
    CGO_ENABLED=0 go build -trimpath -o out/etcd .
}

build_kubernetes() {
    tool=$1 version=$2
    {
        echo "module lab/kubernetes"
        echo "go 1.$GO_MINOR.0"
        echo "require k8s.io/kubernetes v$version"
        for module in $STAGING; do
            echo "replace k8s.io/$module => k8s.io/$module v0.${version#*.}"
        done
    } >go.mod
    cat >tools.go <<GO
//go:build tools

package tools

import (
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
	_ "k8s.io/kubernetes/cmd/kube-controller-manager"
	_ "k8s.io/kubernetes/cmd/kube-scheduler"
)
GO
    go mod tidy
    minor=${version#*.}
    flags=
    # Without these the server calls itself v0.0.0-master and every version check fails.
    for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
        flags="$flags -X $package.gitVersion=v$version -X $package.gitMajor=${version%%.*}"
        flags="$flags -X $package.gitMinor=${minor%.*} -X $package.gitTreeState=clean"
    done
    CGO_ENABLED=0 go build -trimpath -ldflags "$flags" -o "out/$tool" "k8s.io/kubernetes/cmd/$tool"
}

ensure() {
    tool=$1 version=$2
    shift 2
    target=$LAB/$tool-$version
    if [ ! -x "$target/$tool" ]; then
        need_go
        say "building $tool $version"
        start=$(date +%s)
        scratch=$(mktemp -d "$LAB/.build-$tool-XXXXXX")
        mkdir "$scratch/out"
        # A subshell as an if-condition would lose set -e, so its status is kept by hand.
        set +e
        (set -e; cd "$scratch"; "$@") >"$scratch/log" 2>&1
        status=$?
        set -e
        if [ "$status" -ne 0 ]; then
            tail -n 20 "$scratch/log" >&2
            say "$tool $version could not be built; the whole log is $scratch/log"
            exit 1
        fi
        mkdir -p "$target"
        mv "$scratch/out/$tool" "$target/$tool"
        rm -rf "$scratch"
        say "$tool $version is ready after $(($(date +%s) - start)) s"
    fi
    ln -sfn "../$tool-$version/$tool" "$LAB/bin/$tool"
}

mkdir -p "$LAB/bin"
for tool in ${*:-helm helm3 promtool helmfile etcd kube-apiserver kube-controller-manager kube-scheduler kwok}; do
    case $tool in
        helm) ensure helm $HELM build_helm $HELM ;;
        helm3) ensure helm3 $HELM3 build_helm3 $HELM3 ;;
        helmfile) ensure helmfile $HELMFILE build_helmfile $HELMFILE ;;
        promtool) ensure promtool $PROMTOOL build_promtool $PROMTOOL ;;
        etcd) ensure etcd $ETCD build_etcd $ETCD ;;
        kwok) ensure kwok $KWOK build_kwok $KWOK ;;
        kube-apiserver | kube-controller-manager | kube-scheduler)
            ensure "$tool" $KUBERNETES build_kubernetes "$tool" $KUBERNETES ;;
        *) say "no recipe for $tool"; exit 2 ;;
    esac
done
say "the tools are in $LAB/bin"
