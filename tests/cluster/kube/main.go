// Command kube is every program of a Kubernetes control plane and node in one binary, etcd and kubectl included: they share
// nearly all of their code, so one binary is a third of the size and of the build. The first argument, or the name that the
// binary is called by, picks the program.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sort"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	kubectl "k8s.io/kubectl/pkg/cmd"
	kubectlutil "k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"

	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
)

// programs are constructors, not commands: two of them install signal handlers and panic when both do, so only the chosen one
// may be constructed.
var programs = map[string]func(args []string) int{
	"etcd":                    runEtcd,
	"guard":                   runGuard,
	"kube-apiserver":          component(apiserver.NewAPIServerCommand),
	"kube-controller-manager": component(controllermanager.NewControllerManagerCommand),
	"kube-proxy":              component(proxy.NewProxyCommand),
	"kube-scheduler":          component(func() *cobra.Command { return scheduler.NewSchedulerCommand() }),
	"kubectl":                 runKubectl,
	"kubelet":                 component(func() *cobra.Command { return kubelet.NewKubeletCommand(context.Background()) }),
}

func main() {
	called := filepath.Base(os.Args[0])
	if run, found := programs[called]; found {
		os.Exit(run(os.Args[1:]))
	}
	if len(os.Args) > 1 {
		if run, found := programs[os.Args[1]]; found {
			os.Args = os.Args[1:] // kubectl reads os.Args itself
			os.Exit(run(os.Args[1:]))
		}
	}
	fmt.Fprintf(os.Stderr, "usage: kube PROGRAM [ARGUMENT...], where PROGRAM is one of %v\n", names())
	os.Exit(2)
}

func component(construct func() *cobra.Command) func([]string) int {
	return func(args []string) int {
		command := construct()
		command.SetArgs(args)
		return cli.Run(command)
	}
}

// runKubectl leaves the printing of an error to kubectl's own, which knows its hints and exit codes.
func runKubectl(args []string) int {
	command := kubectl.NewDefaultKubectlCommand()
	command.SetArgs(args)
	if err := cli.RunNoErrOutput(command); err != nil {
		kubectlutil.CheckErr(err)
	}
	return 0
}

func runEtcd(args []string) int {
	etcdmain.Main(append([]string{"etcd"}, args...))
	return 0
}

func names() []string {
	all := make([]string, 0, len(programs))
	for name := range programs {
		all = append(all, name)
	}
	sort.Strings(all)
	return all
}
