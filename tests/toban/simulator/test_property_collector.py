"""The simulated vCenter's property collector keeps what the real one promises."""

import pytest
from pyVim.task import WaitForTask
from pyVmomi import vim, vmodl

from tests.toban.simulator.client import query, spec


def test_a_stock_client_connects_reads_and_waits_for_a_task(client):
    vms = {vm.name: vm for vm in spec(client, vim.VirtualMachine, "name").objectSet[0].obj.view}
    assert sorted(vms) == ["VM-01", "VM-02", "VM-03"]
    WaitForTask(vms["VM-03"].PowerOffVM_Task())
    assert vms["VM-03"].runtime.powerState == "poweredOff"


def test_a_big_read_comes_in_pages(client):
    collector = client.content.propertyCollector
    page = collector.RetrievePropertiesEx(
        [spec(client, vim.VirtualMachine, "name")], query.RetrieveOptions(maxObjects=2)
    )
    assert (len(page.objects), bool(page.token)) == (2, True)
    rest = collector.ContinueRetrievePropertiesEx(page.token)
    assert (len(rest.objects), rest.token) == (1, None)
    with pytest.raises(vmodl.fault.InvalidArgument):
        collector.ContinueRetrievePropertiesEx(page.token)


def test_an_unknown_path_is_missing_and_an_unset_one_is_not(client):
    collector = client.content.propertyCollector
    wanted = spec(client, vim.VirtualMachine, "name", "nonsense", "runtime.question")
    found = collector.RetrievePropertiesEx([wanted], query.RetrieveOptions()).objects[0]
    assert [one.name for one in found.propSet] == ["name"]
    assert [one.path for one in found.missingSet] == ["nonsense"]


def test_updates_are_cut_asked_again_and_invalid_versions_refused(client):
    collector = client.content.propertyCollector.CreatePropertyCollector()
    collector.CreateFilter(spec(client, vim.VirtualMachine, "name"), False)
    first = collector.WaitForUpdatesEx("", query.WaitOptions(maxWaitSeconds=1, maxObjectUpdates=2))
    assert first.truncated
    second = collector.WaitForUpdatesEx(first.version, query.WaitOptions(maxWaitSeconds=1, maxObjectUpdates=2))
    assert not second.truncated
    assert collector.WaitForUpdatesEx(second.version, query.WaitOptions(maxWaitSeconds=0)) is None
    with pytest.raises(vmodl.query.InvalidCollectorVersion):
        collector.WaitForUpdatesEx("99", query.WaitOptions(maxWaitSeconds=0))


def changes(updates):
    sets = [update for part in updates.filterSet for update in part.objectSet]
    return [(update.obj._moId, change.name, change.val) for update in sets for change in update.changeSet]


def test_an_answer_that_was_lost_can_be_asked_for_again(client):
    collector = client.content.propertyCollector.CreatePropertyCollector()
    collector.CreateFilter(spec(client, vim.VirtualMachine, "name", "runtime.powerState"), False)
    first = collector.WaitForUpdatesEx("", query.WaitOptions(maxWaitSeconds=1))
    vm = first.filterSet[0].objectSet[0].obj
    WaitForTask(vm.PowerOffVM_Task())
    lost = collector.WaitForUpdatesEx(first.version, query.WaitOptions(maxWaitSeconds=2))
    again = collector.WaitForUpdatesEx(first.version, query.WaitOptions(maxWaitSeconds=2))
    told = [
        [(u.obj._moId, c.name, c.val) for f in a.filterSet for u in f.objectSet for c in u.changeSet]
        for a in (lost, again)
    ]
    assert told[0] == told[1] == [(vm._moId, "runtime.powerState", "poweredOff")]


def test_nothing_is_read_without_a_login(client):
    content = client.RetrieveContent()
    wanted = spec(client, vim.VirtualMachine, "name")
    content.sessionManager.Logout()
    with pytest.raises(vim.fault.NotAuthenticated):
        content.propertyCollector.RetrievePropertiesEx([wanted], query.RetrieveOptions())
    content.sessionManager.Login("toban@vsphere.local", "duty-officer", None)


def test_wrong_orders_are_refused_as_the_real_one_refuses_them(client, world):
    content = client.RetrieveContent()
    hosts = {h.name: h for h in spec(client, vim.HostSystem, "name").objectSet[0].obj.view}
    vms = {vm.name: vm for vm in spec(client, vim.VirtualMachine, "name").objectSet[0].obj.view}
    folder, pool = content.rootFolder.childEntity[0].vmFolder, hosts["esx2"].parent.resourcePool
    with pytest.raises(vim.fault.InvalidState):
        WaitForTask(hosts["esx1"].Destroy_Task())
    with pytest.raises(vim.fault.AlreadyExists):
        WaitForTask(folder.RegisterVM_Task("[san1] VM-01/VM-01.vmx", "again", False, pool, hosts["esx2"]))
    with pytest.raises(vim.fault.InvalidDatastore):
        WaitForTask(folder.RegisterVM_Task("[nowhere] x/x.vmx", "x", False, pool, hosts["esx2"]))
    with pytest.raises(vim.fault.InvalidPowerState):
        WaitForTask(vms["VM-01"].PowerOnVM_Task())
    with pytest.raises(vim.fault.NoPermission):
        vms["VM-01"].Destroy_Task()
    assert [entry["rule"] for entry in world.ledger.violations()] == ["destroy-refused"]


def test_a_second_copy_is_refused_by_the_disks_lock_and_noted(client, world):
    hosts = {h.name: h for h in spec(client, vim.HostSystem, "name").objectSet[0].obj.view}
    folder = client.content.rootFolder.childEntity[0].vmFolder
    world.ask({"do": "fault", "fault": "network-isolated", "target": "esx1"})
    while hosts["esx1"].runtime.connectionState != "notResponding":
        pass
    WaitForTask(hosts["esx1"].Destroy_Task())
    order = folder.RegisterVM_Task(
        "[san1] VM-01/VM-01.vmx", "VM-01", False, hosts["esx2"].parent.resourcePool, hosts["esx2"]
    )
    WaitForTask(order)
    with pytest.raises(vim.fault.FileLocked):
        WaitForTask(order.info.result.PowerOnVM_Task())
    assert [entry["rule"] for entry in world.ledger.violations()] == ["no-second-copy"]
    assert world.truth.runs_on("VM-01") == ["esx1"]
