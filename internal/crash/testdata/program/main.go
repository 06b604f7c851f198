// Program passes one point twice and says so.
package main

import (
	"fmt"

	"github.com/millrace/millrace/internal/crash"
)

func main() {
	for i := range 2 {
		crash.Point(crash.AfterFence)
		fmt.Println("passed", i+1)
	}
}
