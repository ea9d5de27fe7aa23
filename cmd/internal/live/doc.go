// Package live serves the live page: a person draws, and sees what a run's neurons make of it.
//
//	s, err := live.Open(ctx, live.Options{Runs: []string{"runs/mnist-784-100-10-clear-s1"}})
//	fmt.Println(s.Address())
//	err = s.Serve(ctx) // until ctx is done
//
// The server hands out a run's weights once, as float32, and the page does the rest with them, so that a stroke waits
// for nobody. What needs all test images is asked of the run's inspect.Subject, neuron by neuron (api.go). The pages,
// stylesheets and modules are files of the folder assets, served as they are.
//
// # Who gets in
//
// The server listens on this machine's own addresses, 127.0.0.1 and ::1. That alone keeps nobody out: any web page that
// is open in a browser here can send requests to it, and a name that an attacker's server first gives its own address
// and then 127.0.0.1 makes such a page of the same origin (DNS rebinding). So every request, of a GET too, passes the
// guard (guard.go): a Host that is this machine, nothing that came from another site or another port, and a cookie that
// only the printed address gives. It is HttpOnly, so that no script reads it, and SameSite=Strict, so that no other
// site sends it. The address is good once; then a new one is made and said.
//
// Others are let in by Options.Listen, and then only with a token of the person's own, from a file (listen.go,
// token.go). It is good for as many browsers as know it, so wrong ones are counted; and a server on all addresses
// answers to the address that a request has come to, beside the names that it was told, because where no name is looked
// up none can be pointed elsewhere. It speaks plain HTTP: a certificate that browsers believe is for a server in front
// of it.
//
// No request names a file: runs go by their place in the list, which only grows, data sets and trainings by names that
// the server gave them, assets by the names embedded. What changes something is asked by POST, of trainings alone
// (lessons.go).
//
// # A page without a server
//
// Export writes the page of one run as one HTML file. Its data are the server's own answers to what the page may ask
// (keep.go), so that what it shows cannot differ, and the page's ask takes them from there (assets/still.js). A page
// that is opened as a file may neither fetch nor import a module: browsers take each file for an origin of its own. So
// the modules are made into one classic script (bundle.go). An import map of data: addresses would leave them as they
// are, but needs a policy that runs any data: address; the one script is allowed by its hash, and nothing else is.
// Data in scripts beside the page, loaded as they are needed, would open sooner, and would be refused as files by
// browsers to which such a page's own folder is no 'self'.
package live
