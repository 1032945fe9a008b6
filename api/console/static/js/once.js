// A double click is one press: by its second click the first may have been answered, and the same thing
// would be asked for twice. For pages on which no button means more when it is pressed in a row.

document.addEventListener(
  "click",
  (event) => {
    if (event.detail < 2 || !event.target.closest("button")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  },
  true,
);
