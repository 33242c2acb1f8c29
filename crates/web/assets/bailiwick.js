// What pages gain with a script. All of them work without it.
for (const template of document.querySelectorAll("template[data-reveal]")) {
  const field = document.getElementById(template.dataset.reveal);
  const button = template.content.firstElementChild;
  template.replaceWith(button);
  const show = (shown) => {
    if ((field.type === "text") === shown) return;
    field.type = shown ? "text" : "password";
    const { name, text } = button.dataset;
    Object.assign(button.dataset, { name: button.ariaLabel, text: button.textContent });
    Object.assign(button, { ariaLabel: name, textContent: text });
  };
  button.addEventListener("click", () => show(field.type === "password"));
  // A password that is sent as text could be kept among what was typed.
  field.form.addEventListener("submit", () => show(false));
}
for (const template of document.querySelectorAll("template[data-print]")) {
  const button = template.content.firstElementChild;
  template.replaceWith(button);
  button.addEventListener("click", () => print());
}
