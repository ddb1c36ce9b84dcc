// Turns a form into the widening that it says; Python checks it, and its refusal stands under the form.
import { useEffect, useState } from "preact/hooks";

const words = (text) => text.split(/[\s,]+/).filter(Boolean);
const PROTOCOLS = ["TCP", "UDP", "SCTP"];

// Returns the plain data of `widen` in decisions.yaml. What is no number is sent as it is: Python says what is wrong.
function widening(form) {
  const data = {};
  if (form.addresses.trim()) data.addresses = form.addresses.trim();
  if (words(form.except).length) data.except = words(form.except);
  if (form.ports.trim()) data.ports = form.ports.trim();
  if (form.protocols.length) data.protocols = form.protocols;
  const ports = words(form.servicePorts).map((text) => (/^\d+$/.test(text) ? Number(text) : text));
  if (ports.length) data.service_ports = ports;
  if (form.source) data.source = "namespace";
  if (form.destination) data.destination = "namespace";
  return data;
}

function filled(data) {
  return {
    addresses: data.addresses ?? "", except: (data.except ?? []).join(" "), ports: data.ports ?? "",
    protocols: data.protocols ?? [], servicePorts: (data.service_ports ?? []).join(" "),
    source: Boolean(data.source), destination: Boolean(data.destination),
  };
}

export function Edit({ detail, ask, why }) {
  const { data, ...can } = detail.widen;
  const [form, setForm] = useState(() => filled(data));
  useEffect(() => setForm(filled(data)), [JSON.stringify(data)]); // after an undo, say
  const [reply, setReply] = useState(null);
  const set = (name) => (event) => setForm({ ...form, [name]: event.currentTarget.value });
  const tick = (name) => (event) => setForm({ ...form, [name]: event.currentTarget.checked });
  const protocol = (name) => (event) =>
    setForm({ ...form, protocols: event.currentTarget.checked ? [...form.protocols, name] : form.protocols.filter((other) => other !== name) });
  const send = async (widen) => setReply(await ask({ do: "widen", key: detail.key, widen, why }));
  const widen = (event) => {
    event.preventDefault();
    send(widening(form));
  };
  const narrow = () => {
    setForm(filled({}));
    send({});
  };
  return (
    <form class="edit" onSubmit={widen} data-testid="edit" aria-label="What it opens">
      <p>
        Opens beyond what was seen: <b data-testid="opens">{can.words}</b>.
        {detail.status !== "accepted" && " Accept it first; then it can open more."}
      </p>
      {can.addresses && <Field name="addresses" label="Addresses, as 203.0.113.0/24" value={form.addresses} onInput={set("addresses")} />}
      {can.addresses && <Field name="except" label="Except these, within them" value={form.except} onInput={set("except")} />}
      <Field name="ports" label="Ports, as 30000-30100" value={form.ports} onInput={set("ports")} />
      {can.source && <Field name="service-ports" label="Service ports beside the pod's, at the way out" value={form.servicePorts} onInput={set("servicePorts")} />}
      <fieldset>
        <legend>Protocols (none: {can.protocol})</legend>
        {PROTOCOLS.map((name) => <label key={name} class="check"><input type="checkbox" data-testid={`edit-${name}`} checked={form.protocols.includes(name)} onChange={protocol(name)} />{name}</label>)}
      </fieldset>
      {can.source && <label class="check"><input type="checkbox" data-testid="edit-source" checked={form.source} onChange={tick("source")} />every pod of the source's namespace</label>}
      {can.destination && <label class="check"><input type="checkbox" data-testid="edit-destination" checked={form.destination} onChange={tick("destination")} />every pod of the destination's namespace</label>}
      <div class="decide">
        <button type="submit" class="strong" data-testid="edit-save">Open this</button>
        <button type="button" data-testid="edit-narrow" onClick={narrow}>Exactly what was seen</button>
      </div>
      {reply && <p class={reply.ok ? "" : "refused"} role={reply.ok ? "status" : "alert"} data-testid="edit-said">{reply.say}</p>}
    </form>
  );
}

function Field({ name, label, value, onInput }) {
  return <label class="field"><span>{label}</span><input data-testid={`edit-${name}`} value={value} onInput={onInput} maxLength={4000} spellcheck={false} autocomplete="off" /></label>;
}
