package facts

import "github.com/weir-security/weir/schemas/jsondoc"

// classified are the attributes of an event that follow from its class and
// activity; their enums among the facts are placeholders of the base event.
var classified = map[string]bool{"class_uid": true, "category_uid": true, "type_uid": true}

// classification checks what follows from the class and the activity.
func (v *validator) classification(class *Class, root jsondoc.Value) {
	v.equalText(root, "class_name", class.Caption)
	v.equalText(root, "category_name", v.facts.CategoryName(class.CategoryUID))
	if got, ok := root.Get("category_uid").Int(); ok && got != int64(class.CategoryUID) {
		v.add("category_uid", "is %d, class %s is of category %d", got, class.Name, class.CategoryUID)
	}
	activity := root.Get("activity_id")
	id, ok := activity.Int()
	if !ok {
		return
	}
	want := int64(class.UID)*100 + id
	if got, ok := root.Get("type_uid").Int(); ok && got != want {
		v.add("type_uid", "is %d, class_uid * 100 + activity_id is %d", got, want)
	}
	if a := class.Attributes["activity_id"]; a != nil {
		if caption, ok := a.Enum[activity.Text()]; ok {
			v.equalText(root, "type_name", class.Caption+": "+caption)
		}
	}
}

// equalText checks an attribute that may be absent.
func (v *validator) equalText(root jsondoc.Value, name, want string) {
	if got, ok := root.Get(name).Str(); ok && got != want {
		v.add(name, "is %q, want %q", got, want)
	}
}
