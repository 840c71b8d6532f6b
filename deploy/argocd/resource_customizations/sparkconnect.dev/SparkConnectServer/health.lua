-- A server that is stopped on purpose is Healthy, not Suspended: a sync that waits for it would never end.
local found = {}
if obj.status ~= nil and obj.status.conditions ~= nil and obj.status.observedGeneration == obj.metadata.generation then
  for _, condition in ipairs(obj.status.conditions) do
    if condition.status == "True" then
      found[condition.type] = condition.message
    end
  end
else
  return { status = "Progressing", message = "Waiting for the operator to take up the spec" }
end

if found.Stalled ~= nil then
  return { status = "Degraded", message = found.Stalled }
end
if found.Reconciling ~= nil then
  return { status = "Progressing", message = found.Reconciling }
end
if found.Suspended ~= nil then
  return { status = "Healthy", message = found.Suspended }
end
if found.Ready ~= nil then
  return { status = "Healthy", message = found.Ready }
end
return { status = "Progressing", message = obj.status.message }
