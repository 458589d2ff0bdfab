// /proc/PID/cgroup as it looks in real life.
#include "tools/report/container.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

namespace heaptag::tools {
namespace {

const std::string kId = "374e6ba662bf420c06a951988fb5183a9f6f8b0d7c0e5b1a2c3d4e5f60718293";
const std::string kOther = "0b6ad2d7a4a1f0a55b9e0f4f2f9d6e86a4b0d41f8d7c0f5a3b2c1d0e9f8a7b6c";
const std::string kPod = "pod1f2e3d4c_5b6a_4789_90ab_cdef01234567.slice";

TEST(Container, OfControlGroupsVersion2) {
  for (const std::string& path :
       {"/system.slice/docker-" + kId + ".scope", "/docker/" + kId,
        "/machine.slice/libpod-" + kId + ".scope",
        "/machine.slice/libpod-" + kId + ".scope/container",
        "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + kId +
            ".scope/container",
        "/libpod_parent/libpod-" + kId,
        "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-" + kPod + "/cri-containerd-" +
            kId + ".scope",
        "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-" + kPod + "/crio-" + kId +
            ".scope",
        "/kubepods/besteffort/pod1f2e3d4c-5b6a-4789-90ab-cdef01234567/" + kId, "/default/" + kId,
        "/system.slice/nerdctl-" + kId + ".scope/init.scope", "/../../docker-" + kId + ".scope"}) {
    EXPECT_EQ(container_in("0::" + path + "\n"), kId) << path;
  }
}

TEST(Container, OfControlGroupsVersion1) {
  EXPECT_EQ(
      container_in("12:pids:/docker/" + kId + "\n11:memory:/docker/" + kId +
                   "\n1:name=systemd:/docker/" + kId + "\n0::/system.slice/containerd.service\n"),
      kId);
  EXPECT_EQ(container_in("11:memory:/system.slice/containerd.service/kubepods-burstable-" + kPod +
                         ":cri-containerd:" + kId + "\n"),
            kId);
  EXPECT_EQ(container_in("9:cpu,cpuacct:/kubepods/burstable/pod8f2c6f7e-0b11/" + kId + "\n"), kId);
  EXPECT_EQ(container_in("4:cpu,cpuacct:/\n3:freezer:/\n2:memory:/ecs/8a1f/" + kId + "\n0::/\n"),
            kId);
}

TEST(Container, OfMachinesIsTheirName) {
  EXPECT_EQ(container_in("0::/lxc.payload.web1/system.slice/nginx.service\n"), "web1");
  EXPECT_EQ(container_in("10:memory:/lxc/web1\n"), "web1");
  EXPECT_EQ(container_in("10:memory:/lxc/101/ns/system.slice/cron.service\n"), "101");
  EXPECT_EQ(container_in("0::/machine.slice/machine-debian.scope/payload/init.scope\n"), "debian");
  EXPECT_EQ(container_in("0::/machine.slice/machine-web\\x2dserver.scope\n"), "web-server");
  EXPECT_EQ(container_in("0::/machine.slice/systemd-nspawn@build.service/payload/init.scope\n"),
            "build");
}

TEST(Container, TheInnermostCounts) {
  EXPECT_EQ(container_in("0::/docker/" + kOther +
                         "/kubelet.slice/kubelet-kubepods.slice/"
                         "cri-containerd-" +
                         kId + ".scope\n"),
            kId);
  EXPECT_EQ(container_in("0::/lxc.payload.web1/docker/" + kId + "\n"), kId);
  EXPECT_EQ(container_in("0::/docker/" + kId + "/lxc.payload.inner\n"), "inner");
}

TEST(Container, MostProcessesAreInNone) {
  for (const std::string& text :
       {std::string("0::/\n"), std::string("0::/init.scope\n"), std::string(""),
        std::string("0::/user.slice/user-1000.slice/session-3.scope\n"),
        std::string("0::/user.slice/user-1000.slice/user@1000.service/app.slice/"
                    "app-gnome-firefox-12345.scope\n"),
        std::string("0::/system.slice/docker.service\n"),
        std::string("0::/system.slice/containerd.service\n"), std::string("0::/lxc.monitor.web1\n"),
        std::string("0::/lxc\n"), "0::/machine.slice/libpod-conmon-" + kId + ".scope\n",
        "0::/kubepods.slice/" + kPod + "/crio-conmon-" + kId + ".scope\n",
        "4:memory:/process_api/" + kId.substr(0, 32) + "\n0::/\n",
        "0::/docker/" + kId.substr(1) + "\n", "0::/docker/" + kId + "0\n",
        std::string("no colons at all"), std::string(":::\n\n"),
        std::string("0::/machine-.scope\n")}) {
    EXPECT_EQ(container_in(text), "") << text;
  }
}

TEST(Container, IdsAreShownShort) {
  EXPECT_EQ(short_container_name(kId), "374e6ba662bf");
  EXPECT_EQ(short_container_name("web1"), "web1");
  EXPECT_EQ(container_of(getpid()), "") << "the one that we are in ourselves";
}

}  // namespace
}  // namespace heaptag::tools
