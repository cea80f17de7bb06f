package ocsf

// Class is the class of the event, ClassBaseEvent when none is set.
func (x *Event) Class() ClassUID { return ClassUID(x.classUID) }

// SetClass sets class_uid, class_name, category_uid and category_name, and
// refreshes what depends on the class: type_uid, type_name and the captions of
// activity_id and status_id. Of a class outside the selection only class_uid is
// known.
func (x *Event) SetClass(c ClassUID) {
	x.setClassUID(int32(c))
	x.clearClassName()
	x.clearCategoryUID()
	x.clearCategoryName()
	if d := c.Descriptor(); d != nil {
		x.setClassName(d.Caption)
		x.setCategoryUID(d.CategoryUID)
		x.setCategoryName(d.CategoryName)
	}
	x.refreshCaptions()
}

// setType sets type_uid and type_name from class and activity.
func (x *Event) setType() {
	uid := int64(x.classUID)*100 + int64(x.activityID)
	x.setTypeUID(uid)
	if c, ok := caption(x.enumOfTypeUID(), uid); ok {
		x.setTypeName(c)
	} else {
		x.clearTypeName()
	}
}

// Descriptor describes the class, nil when it is not in the selection.
func (c ClassUID) Descriptor() *Class {
	for i := range Classes {
		if Classes[i].UID == c {
			return &Classes[i]
		}
	}
	return nil
}

// Name is OCSF's name of the class, as in rules and lake: "api_activity". It is
// empty for a class outside the selection.
func (c ClassUID) Name() string {
	if d := c.Descriptor(); d != nil {
		return d.Name
	}
	return ""
}

// String is Name, for logs and messages.
func (c ClassUID) String() string { return c.Name() }
