// Package lesson trains networks that a person watches and steers: plays, pauses, does a step or an epoch of, and keeps
// when they are worth it. It knows no page and no server.
//
//	s := lesson.School{Root: "runs", Device: job.Device{Want: "auto"}, Talk: t}
//	l, err := s.Begin(ctx, order)
//	l.Play()
//	l.Wait(ctx, seen)  // until something is other than what was seen
//	l.Frame()          // the network as it last was
//	path, err := l.Keep(ctx)
//	err = s.Close()    // saves what is under way
//
// A lesson is a run like any other, made by package job, in a folder whose name begins with a dot: Root/.lessons. To
// keep it is to give that folder the name that train would have given it; it goes on there. What is let go without
// being kept is removed. So a lesson that was kept survives whatever happens to the program, as any run does, and one
// that was not is found by the next School and kept then.
//
// Pictures of the network are copied between two calls to the device, by the goroutine that trains (see
// engine.Hooks.Between), not more often than takes a fiftieth of the time, and are not changed afterwards. Lessons that
// play at the same time take turns on the device, the one that is furthest behind first (clock.go), so that they are in
// the same epoch and neither has its cores taken away in the middle of a step.
package lesson
