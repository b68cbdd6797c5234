// A third-party vSphere simulator (govmomi's) with a login, TLS and a size of our choosing: the peer that our vSphere
// client is tested against besides the datacenter simulator of this project. Prints its URL, ends on SIGTERM.
package main

import (
	"crypto/tls"
	"flag"
	"fmt"
	"log"
	"net/url"
	"os"
	"os/signal"
	"syscall"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/simulator/esx"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address")
	cert := flag.String("cert", "", "certificate and key in one PEM file")
	user := flag.String("user", "toban@vsphere.local", "login")
	password := flag.String("password", "duty-officer", "password")
	hosts := flag.Int("hosts", 2, "hosts of the cluster")
	machines := flag.Int("vms", 3, "VMs of the cluster")
	flag.Parse()

	esx.HostSystem.Summary.Config.VmotionEnabled = true // its hosts say that vMotion is off, and move VMs all the same
	model := simulator.VPX()
	model.Host = 0
	model.ClusterHost = *hosts
	model.Machine = *machines
	model.Datastore = 2
	if err := model.Create(); err != nil {
		log.Fatal(err)
	}
	defer model.Remove()
	pair, err := tls.LoadX509KeyPair(*cert, *cert)
	if err != nil {
		log.Fatal(err)
	}
	model.Service.Listen = &url.URL{Host: *listen, User: url.UserPassword(*user, *password)}
	model.Service.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	server := model.Service.NewServer()
	defer server.Close()
	fmt.Println(server.URL.Host)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	<-stop
}
