package expr

// builder gives a node its closures, from arguments that have the types of the overload.
type builder func(n *node, a []*node)

// All arguments are evaluated before one is looked at for NULL, as Postgres does: NULL + 1/0 is an error.

// pure1 to pure3 apply a strict function that cannot fail.
func pure1[A, R any](f func(A) R) builder {
	return func(n *node, a []*node) {
		x := get[A](a[0])
		set(n, func(e *Env) (r R, null bool) {
			v, null := x(e)
			if null {
				return r, true
			}
			return f(v), false
		})
	}
}

func pure2[A, B, R any](f func(A, B) R) builder {
	return env2(func(_ *Env, a A, b B) R { return f(a, b) })
}

// env1 to env3 apply a strict function that makes its text in the scratch arena.
func env1[A, R any](f func(*Env, A) R) builder {
	return func(n *node, a []*node) {
		x := get[A](a[0])
		set(n, func(e *Env) (r R, null bool) {
			v, null := x(e)
			if null {
				return r, true
			}
			return f(e, v), false
		})
	}
}

func env2[A, B, R any](f func(*Env, A, B) R) builder {
	return func(n *node, a []*node) {
		x, y := get[A](a[0]), get[B](a[1])
		set(n, func(e *Env) (r R, null bool) {
			v, vn := x(e)
			w, wn := y(e)
			if vn || wn {
				return r, true
			}
			return f(e, v, w), false
		})
	}
}

func env3[A, B, C, R any](f func(*Env, A, B, C) R) builder {
	return func(n *node, a []*node) {
		x, y, z := get[A](a[0]), get[B](a[1]), get[C](a[2])
		set(n, func(e *Env) (r R, null bool) {
			u, un := x(e)
			v, vn := y(e)
			w, wn := z(e)
			if un || vn || wn {
				return r, true
			}
			return f(e, u, v, w), false
		})
	}
}

// try1 to try3 apply a strict function that can fail.
func try1[A, R any](f func(*Env, A) (R, error)) builder {
	return func(n *node, a []*node) {
		n.fallible = true
		x := get[A](a[0])
		set(n, func(e *Env) (r R, null bool) {
			v, null := x(e)
			if null {
				return r, true
			}
			r, err := f(e, v)
			if err != nil {
				e.Fail(err)
				return r, true
			}
			return r, false
		})
	}
}

func try2[A, B, R any](f func(*Env, A, B) (R, error)) builder {
	return func(n *node, a []*node) {
		n.fallible = true
		x, y := get[A](a[0]), get[B](a[1])
		set(n, func(e *Env) (r R, null bool) {
			v, vn := x(e)
			w, wn := y(e)
			if vn || wn {
				return r, true
			}
			r, err := f(e, v, w)
			if err != nil {
				e.Fail(err)
				return r, true
			}
			return r, false
		})
	}
}

func try3[A, B, C, R any](f func(*Env, A, B, C) (R, error)) builder {
	return func(n *node, a []*node) {
		n.fallible = true
		x, y, z := get[A](a[0]), get[B](a[1]), get[C](a[2])
		set(n, func(e *Env) (r R, null bool) {
			u, un := x(e)
			v, vn := y(e)
			w, wn := z(e)
			if un || vn || wn {
				return r, true
			}
			r, err := f(e, u, v, w)
			if err != nil {
				e.Fail(err)
				return r, true
			}
			return r, false
		})
	}
}
