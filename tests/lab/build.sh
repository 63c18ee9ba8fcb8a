#!/bin/sh
# Builds the lab's tools from Go modules, skipping those that are there already.
#
#   tests/lab/build.sh            everything; about 11 minutes cold on two cores, then nothing
#   tests/lab/build.sh helm etcd  only these
#
# Each tool lands in $RECIPEGEN_LAB/<tool>-<version>/<tool>, with a link in $RECIPEGEN_LAB/bin.
# RECIPEGEN_LAB defaults to ${XDG_CACHE_HOME:-$HOME/.cache}/recipegen/lab.
set -eu

HELM=4.2.3
HELMFILE=1.8.0
ETCD=3.6.5
KUBERNETES=1.36.1
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

build_helmfile() {
    # go install refuses modules with replace directives, so the module is built in a copy.
    source=$(go mod download -json "github.com/helmfile/helmfile@v$1" |
        sed -n 's/^[[:space:]]*"Dir": "\(.*\)",*$/\1/p')
    cp -R "$source" source
    chmod -R u+w source
    (cd source && go build -ldflags "-X go.szostok.io/version.version=v$1" -o ../out/helmfile .)
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
for tool in ${*:-helm helmfile etcd kube-apiserver kube-controller-manager}; do
    case $tool in
        helm) ensure helm $HELM build_helm $HELM ;;
        helmfile) ensure helmfile $HELMFILE build_helmfile $HELMFILE ;;
        etcd) ensure etcd $ETCD build_etcd $ETCD ;;
        kube-apiserver | kube-controller-manager)
            ensure "$tool" $KUBERNETES build_kubernetes "$tool" $KUBERNETES ;;
        *) say "no recipe for $tool"; exit 2 ;;
    esac
done
say "the tools are in $LAB/bin"
