package configs

import "reflect"

// Secrets is the value of every reference to a secret that can be read now, settings included. The name of a user, which may also be
// written out, is none. Nothing keeps them but the caller, who must not show them.
func (s *Spec) Secrets() []string {
	var all []string
	collectSecrets(reflect.ValueOf(*s), func(one Secret) {
		if value, err := one.Resolve(); err == nil { // whoever needs it says why it cannot be read
			all = append(all, value)
		}
	})
	return all
}

func collectSecrets(v reflect.Value, take func(Secret)) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			collectSecrets(v.Elem(), take)
		}
	case reflect.Slice:
		for i := range v.Len() {
			collectSecrets(v.Index(i), take)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			collectSecrets(v.MapIndex(key), take)
		}
	case reflect.Struct:
		collectFields(v, take)
	}
}

func collectFields(v reflect.Value, take func(Secret)) {
	switch one := v.Interface().(type) {
	case Secret:
		if !one.IsZero() {
			take(one)
		}
		return
	case Value:
		if !one.Secret().IsZero() {
			take(one.Secret())
		}
		return
	}
	for _, f := range reflect.VisibleFields(v.Type()) {
		if f.IsExported() && f.Tag.Get("literal") != "true" {
			collectSecrets(v.FieldByIndex(f.Index), take)
		}
	}
}
