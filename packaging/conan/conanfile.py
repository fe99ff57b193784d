"""The recipe of fanout for Conan 2: `conan create packaging/conan` builds the sources around it, and its test package."""

import os
import re

from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.build import check_min_cppstd
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy, load, rmdir


class FanoutConan(ConanFile):
    name = "fanout"
    description = "Batches of independent tasks on a oneTBB arena: never more than N at once, results in input order"
    license = "Apache-2.0"
    topics = ("parallelism", "thread-pool", "onetbb", "tuning")
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    # No fPIC: the code is always position independent.
    options = {"shared": [True, False], "with_tuning": [True, False], "with_tool": [True, False]}
    default_options = {"shared": False, "with_tuning": False, "with_tool": False}

    def _sources(self):
        return os.path.join(self.recipe_folder, os.pardir, os.pardir)

    def set_version(self):
        text = load(self, os.path.join(self._sources(), "CMakeLists.txt"))
        self.version = re.search(r"project\(\s*fanout\s+VERSION\s+([0-9.]+)", text).group(1)

    def export_sources(self):
        for pattern in ("CMakeLists.txt", "LICENSE", "cmake/*", "include/*", "source/*", "perf/*"):
            copy(self, pattern, self._sources(), self.export_sources_folder)

    def configure(self):
        if self.options.with_tool:  # the tool is the command line of fanout::tuning, so that is no choice then
            del self.options.with_tuning

    @property
    def _with_tuning(self):
        return bool(self.options.get_safe("with_tuning", True))

    def validate(self):
        if self.settings.os != "Linux":
            raise ConanInvalidConfiguration("fanout is built and tested on Linux alone")
        if self.settings.compiler.get_safe("cppstd"):
            check_min_cppstd(self, 20)

    def layout(self):
        cmake_layout(self)

    def requirements(self):
        self.requires("onetbb/[>=2021.3 <2024]")
        if self._with_tuning:  # header-only, and no part of the interface
            self.requires("nlohmann_json/[>=3.9 <4]", visible=False)
        if self.options.with_tool:
            self.requires("cli11/[>=2.1 <3]", visible=False)
            self.requires("fmt/[>=8 <12]", visible=False)
            self.requires("zstd/[>=1.5 <2]", visible=False)

    def generate(self):
        toolchain = CMakeToolchain(self)
        toolchain.cache_variables["BUILD_TESTING"] = False
        toolchain.cache_variables["FANOUT_BUILD_EXAMPLES"] = False
        toolchain.cache_variables["FANOUT_BUILD_PERF"] = False
        toolchain.cache_variables["FANOUT_BUILD_TUNING"] = self._with_tuning
        toolchain.cache_variables["FANOUT_BUILD_TOOL"] = bool(self.options.with_tool)
        toolchain.generate()
        CMakeDeps(self).generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        CMake(self).install()
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        # Conan makes both for each build of its users.
        rmdir(self, os.path.join(self.package_folder, "lib", "cmake"))
        rmdir(self, os.path.join(self.package_folder, "lib", "pkgconfig"))

    def package_info(self):
        self.cpp_info.set_property("cmake_file_name", "fanout")
        core = self.cpp_info.components["fanout"]
        core.set_property("cmake_target_name", "fanout::fanout")
        core.set_property("pkg_config_name", "fanout")
        core.libs = ["fanout"]
        core.system_libs = ["pthread", "dl"]
        core.requires = ["onetbb::libtbb"]
        if self._with_tuning:
            tuning = self.cpp_info.components["tuning"]
            tuning.set_property("cmake_target_name", "fanout::tuning")
            tuning.set_property("pkg_config_name", "fanout-tuning")
            tuning.libs = ["fanout_tuning"]
            tuning.requires = ["fanout"]
